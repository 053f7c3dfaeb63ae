//! Decision: what was decided about one transfer, and why.
//!
//! The only place that says hold. A decision is a function of facts and policy in whole numbers, and
//! has one encoding, so that anyone with both reaches the same bytes.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::sync::Arc;

use crate::policy::{CannotAsk, Policy, Signals, Typology, Watch};
use crate::signal::{Facts, Family, Kind, Reading};
use crate::tagged::{self, Tagged, TaggedError, choice, record};
use crate::transfer::Fact;
use crate::warning::{Answered, Blanks, Pick, Words};

mod cases;

pub use crate::warning::Step;
pub use cases::{Checked, check};

/// What was decided about one transfer, and why. Never changes once made.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Decision {
    /// What the bank is asked to do.
    pub action: Action,
    /// What kind of hold, where it is one.
    pub hold: Option<HoldKind>,
    /// The strongest step that a typology reached.
    pub step: Option<Step>,
    /// The typology that leads: the one of that step with the lowest priority number.
    pub typology: Option<Arc<str>>,
    /// Which warning is to be shown.
    pub warning: Option<WarningRef>,
    /// How the payer is to be reached where the screen itself cannot be trusted.
    pub contact: Option<ContactRoute>,
    /// What each signal saw that saw something, in the order of the signals.
    pub readings: Vec<SignalReading>,
    /// What each typology came to that came to anything, in the order of the policy.
    pub weighed: Vec<Weighed>,
    /// The signals that were quiet, in the order of the signals.
    pub quiet: Vec<QuietSignal>,
    /// The signals that could not look, in the order of the signals.
    pub unavailable: Vec<UnavailableSignal>,
}

/// What the bank is asked to do. There is no default: nothing is allowed by accident.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Action {
    /// It may leave now.
    Allow,
    /// It may not leave yet.
    Hold,
}

/// What kind of hold.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum HoldKind {
    /// The payer is to be shown the warning and asked its questions; nothing is delayed yet.
    PendingAnswers,
    /// It does not leave until a person has decided.
    PendingReview,
}

/// How the payer is to be reached.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ContactRoute {
    /// On the screen they are looking at.
    Screen,
    /// By calling the number the bank has registered, because somebody may control the screen.
    RegisteredNumber,
}

/// Names a warning of the policy.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct WarningRef {
    /// The script's id.
    pub id: Box<str>,
    /// The script's version.
    pub version: u32,
    /// Which approved variant of its questions, from the seed.
    pub variant: u32,
}

/// A signal that looked and saw nothing. Most do, so this is as short as it can be written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct QuietSignal {
    /// The signal's permanent number.
    pub code: u32,
    /// The version of its meaning.
    pub version: u32,
}

/// A signal that could not look. Many cannot, so this is as short as it can be written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct UnavailableSignal {
    /// The signal's permanent number.
    pub code: u32,
    /// The version of its meaning.
    pub version: u32,
    /// What the policy gives for that.
    pub points: i64,
    /// The fact that it lacked.
    pub fact: Fact,
}

/// What one signal read and what it weighs by itself.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SignalReading {
    /// The signal's permanent number.
    pub code: u32,
    /// The version of its meaning.
    pub version: u32,
    /// What came of looking.
    pub reading: Reading,
    /// The signal's own points under the policy.
    pub points: i64,
}

/// What one typology came to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Weighed {
    /// The typology's id.
    pub typology: Arc<str>,
    /// Sum over the evidence groups it counts.
    pub points: i64,
    /// The step it reached.
    pub step: Option<Step>,
}

record!(Decision {
    1 action, 2 hold, 3 step, 4 typology, 5 warning, 6 contact, 7 readings, 8 weighed, 9 quiet,
    10 unavailable,
});
record!(WarningRef { 1 id, 2 version, 3 variant });
record!(SignalReading { 1 code, 2 version, 3 reading, 4 points });
record!(Weighed { 1 typology, 2 points, 3 step });

choice!(Action { 1 Allow, 2 Hold });
choice!(HoldKind { 1 PendingAnswers, 2 PendingReview });
choice!(ContactRoute { 1 Screen, 2 RegisteredNumber });

/// `code (varint) | version (varint)`.
impl Tagged for QuietSignal {
    fn put(&self, bytes: &mut Vec<u8>) {
        tagged::put_varint(self.code.into(), bytes);
        tagged::put_varint(self.version.into(), bytes);
    }

    fn take(mut bytes: &[u8]) -> Result<Self, TaggedError> {
        let mut number = || {
            u32::try_from(tagged::take_varint(&mut bytes)?).map_err(|_| TaggedError::OutOfBounds)
        };
        let (code, version) = (number()?, number()?);
        if bytes.is_empty() { Ok(Self { code, version }) } else { Err(TaggedError::Long) }
    }
}

/// `code (varint) | version (varint) | points (varint, zigzag) | fact`.
impl Tagged for UnavailableSignal {
    fn put(&self, bytes: &mut Vec<u8>) {
        tagged::put_varint(self.code.into(), bytes);
        tagged::put_varint(self.version.into(), bytes);
        self.points.put(bytes);
        self.fact.put(bytes);
    }

    fn take(mut bytes: &[u8]) -> Result<Self, TaggedError> {
        let code = tagged::take_varint(&mut bytes)?;
        let version = tagged::take_varint(&mut bytes)?;
        let points = tagged::unzigzag(tagged::take_varint(&mut bytes)?);
        let whole = |number| u32::try_from(number).map_err(|_| TaggedError::OutOfBounds);
        let (code, version) = (whole(code)?, whole(version)?);
        Ok(Self { code, version, points, fact: Fact::take(bytes)? })
    }
}

/// `1 | evidence`, `2`, or `3 | fact`.
impl Tagged for Reading {
    fn put(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Fired(evidence) => {
                bytes.push(1);
                bytes.extend_from_slice(evidence.as_bytes());
            }
            Self::Quiet => bytes.push(2),
            Self::Unavailable(fact) => {
                bytes.push(3);
                fact.put(bytes);
            }
        }
    }

    fn take(bytes: &[u8]) -> Result<Self, TaggedError> {
        match bytes {
            [1, evidence @ ..] => {
                let evidence = Box::<str>::take(evidence)?;
                Ok(Self::Fired(Cow::Owned(evidence.into())))
            }
            [2] => Ok(Self::Quiet),
            [3, fact @ ..] => Fact::take(fact).map(Self::Unavailable),
            [] => Err(TaggedError::Short),
            [2, ..] => Err(TaggedError::Long),
            [number, ..] => Err(TaggedError::Unknown(u64::from(*number))),
        }
    }
}

tagged::always!(Reading);

/// Decides about one transfer.
///
/// The strongest step that any typology reaches is the decision; of several that reach it, the one
/// with the lowest priority number leads, and those that are told by more than an admission before
/// the rest, because typologies share their questions. Answers only add: an admission holds whatever
/// else was seen, a denial releases a hold for answers below the review threshold of every typology
/// and is worth nothing otherwise.
///
/// Protection takes away from what speaks against a transfer, never more than that, and nothing from
/// admissions, control of the device and a reported payee. A call of the bank's own cancels what is
/// heard of a voice: it then neither counts nor meets a need, and stays in the readings for staff.
pub fn decide(facts: &Facts, policy: &Policy) -> Decision {
    conclude(look(policy, |_, watch| watch.look.look(facts)), facts, policy)
}

/// Decides about one transfer as [`decide`] does, with a glance at these facts before anything was recalled.
pub fn decide_glanced(facts: &Facts, policy: &Policy, glance: &Glance) -> Decision {
    let mut evidence = glance.evidence.iter().cloned().map(Reading::Fired);
    let mut lacking = glance.lacking.iter().copied().map(Reading::Unavailable);
    let looked = look(policy, |at, watch| {
        let seen = if watch.kind.recalls {
            Some(watch.look.look(facts))
        } else if glance.fired.has(at) {
            evidence.next()
        } else if glance.missed.has(at) {
            lacking.next()
        } else {
            None
        };
        seen.unwrap_or(Reading::Quiet)
    });
    conclude(looked, facts, policy)
}

/// Looks at facts of which nothing is recalled yet, as far as signals do not read that: what they see
/// stands whatever is recalled later. For who has a thread to spare until then.
pub fn glance(facts: &Facts, policy: &Policy) -> Glance {
    let mut glance = Glance::default();
    glance.lacking.reserve_exact(UNAVAILABLE_FEW);
    for (at, watch) in policy.watches().iter().enumerate().filter(|(_, one)| !one.kind.recalls) {
        match watch.look.look(facts) {
            Reading::Quiet => {}
            Reading::Fired(evidence) => {
                glance.fired.add(at);
                glance.evidence.push(evidence);
            }
            Reading::Unavailable(fact) => {
                glance.missed.add(at);
                glance.lacking.push(fact);
            }
        }
    }
    glance
}

/// Concludes from what came of looking.
fn conclude(looked: Looked, facts: &Facts, policy: &Policy) -> Decision {
    let Looked { readings, quiet, unavailable, fired, missed } = looked;
    let cancelled = cancelled(policy, fired);
    let (fired, missed) = (fired.less(cancelled), missed.less(cancelled));
    let worth = policy.worth(facts.transfer.money);
    // Most come to nothing.
    let mut weighed = Vec::new();
    let mut lead: Option<Lead<'_>> = None;
    let mut reviewed = false;
    for typology in policy.typologies() {
        let points = weigh(typology, fired, missed, policy.watches());
        // An amount that cannot be compared is not known to be small.
        let small = || worth.is_some_and(|worth| worth < typology.amount_min.value());
        let seen = || is_seen(typology, fired, facts) && !small();
        let reached = reach(typology, points, seen, facts, policy);
        let step = reached.as_ref().map(|reached| reached.step);
        reviewed |= step == Some(Step::Ask) && typology.review_from <= points;
        if let Some(reached) = reached {
            let rank = |one: &Lead<'_>| (one.step, one.seen, Reverse(one.typology.priority));
            if lead.as_ref().is_none_or(|lead| rank(lead) < rank(&reached)) {
                lead = Some(reached);
            }
        }
        if points != 0 || step.is_some() {
            weighed.push(Weighed { typology: typology.id.clone(), points, step });
        }
    }

    let distrusted = fired.meets(policy.distrusted());
    let Some(lead) = lead else {
        return Decision {
            action: Action::Allow,
            hold: None,
            step: None,
            typology: None,
            warning: None,
            contact: None,
            readings,
            weighed,
            quiet,
            unavailable,
        };
    };
    let (hold, shown) = lead.outcome(reviewed, distrusted, facts, policy);
    let Lead { step, typology, .. } = lead;
    Decision {
        action: if hold.is_some() { Action::Hold } else { Action::Allow },
        hold,
        step: Some(step),
        typology: Some(typology.id.clone()),
        warning: shown.and_then(|step| warning(step, typology, facts, policy)),
        contact: hold.map(|_| {
            if distrusted { ContactRoute::RegisteredNumber } else { ContactRoute::Screen }
        }),
        readings,
        weighed,
        quiet,
        unavailable,
    }
}

/// What those signals see that read nothing remembered.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Glance {
    fired: Signals,
    missed: Signals,
    /// What each of those that fired saw, in their order.
    evidence: Vec<Cow<'static, str>>,
    /// What each of those lacks that could not look, in their order.
    lacking: Vec<Fact>,
}

/// What came of looking, signal by signal.
struct Looked {
    readings: Vec<SignalReading>,
    quiet: Vec<QuietSignal>,
    unavailable: Vec<UnavailableSignal>,
    fired: Signals,
    missed: Signals,
}

/// Reads every signal of the policy by `read`, in the order of the list.
fn look(policy: &Policy, mut read: impl FnMut(usize, &Watch) -> Reading) -> Looked {
    let watches = policy.watches();
    let mut readings = Vec::with_capacity(FIRED_FEW);
    let mut quiet = Vec::with_capacity(watches.len());
    let mut unavailable = Vec::with_capacity(UNAVAILABLE_FEW);
    let (mut fired, mut missed) = (Signals::default(), Signals::default());
    for (at, watch) in watches.iter().enumerate() {
        let (code, version) = (watch.kind.code, watch.kind.version);
        match read(at, watch) {
            Reading::Quiet => quiet.push(QuietSignal { code, version }),
            Reading::Unavailable(fact) => {
                missed.add(at);
                let points = watch.unavailable;
                unavailable.push(UnavailableSignal { code, version, points, fact });
            }
            reading @ Reading::Fired(_) => {
                fired.add(at);
                readings.push(SignalReading { code, version, reading, points: watch.points });
            }
        }
    }
    Looked { readings, quiet, unavailable, fired, missed }
}

/// Returns the signals whose group is cancelled by one that fired.
fn cancelled(policy: &Policy, fired: Signals) -> Signals {
    let cancelling = policy.cancelling().iter().filter(|(at, _)| fired.has(*at));
    cancelling.fold(Signals::default(), |sum, (_, cancelled)| sum.and(*cancelled))
}

/// Points of the evidence groups that a typology counts, by what protection may do to them.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    /// What protection may take away from.
    plain: i64,
    /// What it never does.
    firm: i64,
    /// What it takes away; not above zero.
    protective: i64,
}

impl Sums {
    /// Adds the points of the strongest signal of one group.
    fn add(&mut self, kind: Option<&Kind>, points: i64) {
        let sum = match kind {
            Some(Kind { family: Family::Protective, .. }) => &mut self.protective,
            Some(kind) if kind.is_firm() => &mut self.firm,
            Some(_) | None => &mut self.plain,
        };
        *sum = sum.saturating_add(points);
    }

    /// Returns what they come to: protection takes away what there is to take and no more.
    fn total(self) -> i64 {
        self.firm.saturating_add(self.plain.saturating_add(self.protective).max(0))
    }
}

/// Adds up the evidence groups that a typology counts, of each the strongest signal.
fn weigh(typology: &Typology, fired: Signals, missed: Signals, watches: &[Watch]) -> i64 {
    // Nearly all that is looked for is not there.
    let speaking = fired.of(typology.counted).and(missed.of(typology.misses));
    // Protection has nothing to take away from.
    if !speaking.meets(typology.suspicious) {
        return 0;
    }
    let mut sums = Sums::default();
    for group in typology.groups.iter().filter(|group| speaking.meets(group.members)) {
        let (mut kind, mut strongest) = (None, 0_i64);
        for weight in group.weights.iter().filter(|weight| speaking.has(weight.watch)) {
            kind = kind.or_else(|| watches.get(weight.watch).map(|watch| watch.kind));
            let points = if fired.has(weight.watch) { weight.points } else { weight.unavailable };
            if strongest.unsigned_abs() < points.unsigned_abs() {
                strongest = points;
            }
        }
        sums.add(kind, strongest);
    }
    sums.total()
}

/// Returns how far a typology goes with these points; `seen` says whether what it needs is there.
fn reach<'p>(
    typology: &'p Typology,
    points: i64,
    seen: impl FnOnce() -> bool,
    facts: &Facts,
    policy: &Policy,
) -> Option<Lead<'p>> {
    // Whoever admits the story is in it, whatever was or was not seen of it.
    if answered(typology, facts, policy) == Answered::Admission {
        return Some(Lead { step: Step::Hold, seen: seen(), typology });
    }
    // Nearly all go no further.
    if points < typology.inform_from || !seen() {
        return None;
    }
    let step = if points < typology.ask_from {
        Step::Inform
    } else if points < typology.hold_from {
        Step::Ask
    } else {
        Step::Hold
    };
    Some(Lead { step, seen: true, typology })
}

/// Tells whether everything that a typology needs is there.
fn is_seen(typology: &Typology, fired: Signals, facts: &Facts) -> bool {
    typology.needs.iter().all(|needed| fired.meets(*needed)) && typology.is_told(&facts.mentions)
}

/// The typology that leads.
struct Lead<'p> {
    step: Step,
    /// Whether what it needs is there, or only an admission.
    seen: bool,
    typology: &'p Typology,
}

impl Lead<'_> {
    /// Returns the hold it comes to, and for which step the words are shown, if any are. `reviewed`
    /// says that some typology is above the threshold from which no answer releases.
    fn outcome(
        &self,
        reviewed: bool,
        distrusted: bool,
        facts: &Facts,
        policy: &Policy,
    ) -> (Option<HoldKind>, Option<Step>) {
        let review = (Some(HoldKind::PendingReview), Some(Step::Hold));
        match (self.step, answered(self.typology, facts, policy)) {
            // Where nobody is there to read it, a warning that stops nothing has no use.
            (Step::Inform, _) => (None, facts.can_ask.then_some(Step::Inform)),
            (Step::Ask, Answered::Denial) if !reviewed && !distrusted => (None, None),
            // Nobody can be asked on a screen that somebody else works.
            (Step::Ask, Answered::Open) if facts.can_ask && !distrusted => {
                (Some(HoldKind::PendingAnswers), Some(Step::Ask))
            }
            (Step::Ask, Answered::Open) if reviewed => review,
            (Step::Ask, Answered::Open) => match self.typology.cannot_ask(distrusted, policy) {
                CannotAsk::Review => review,
                CannotAsk::Allow => (None, None),
            },
            (Step::Ask, Answered::Denial | Answered::Admission) | (Step::Hold, _) => review,
        }
    }
}

/// Returns what the answers come to under a typology's questions.
fn answered(typology: &Typology, facts: &Facts, policy: &Policy) -> Answered {
    if facts.answers.is_empty() {
        return Answered::Open;
    }
    policy.warnings().answered(&typology.warning, &facts.answers)
}

fn warning(step: Step, typology: &Typology, facts: &Facts, policy: &Policy) -> Option<WarningRef> {
    let (warnings, id) = (policy.warnings(), &typology.warning);
    Some(WarningRef {
        id: id.clone(),
        version: warnings.version(id, step)?,
        variant: warnings.variant(id, step, facts.seed),
    })
}

impl Decision {
    /// Returns the step whose words are to be shown; `None` where nothing is.
    pub fn shown(&self) -> Option<Step> {
        self.warning.as_ref()?;
        Some(match self.hold {
            None => Step::Inform,
            Some(HoldKind::PendingAnswers) => Step::Ask,
            Some(HoldKind::PendingReview) => Step::Hold,
        })
    }

    /// Returns the words to be shown, in the language and form nearest to the payer's own; the
    /// policy's own where the payer's is not known.
    ///
    /// `facts` and `policy` are those it was decided from.
    pub fn words(&self, facts: &Facts, policy: &Policy) -> Option<Box<Words>> {
        let warning = self.warning.as_ref()?;
        let warnings = policy.warnings();
        let pick = Pick {
            id: &warning.id,
            step: self.shown()?,
            variant: warning.variant,
            locale: facts.transfer.payer.locale.as_deref().unwrap_or(warnings.locale()),
        };
        warnings.words(pick, &Blanks { money: facts.transfer.money, deadline: None }).map(Box::new)
    }

    /// Returns the facts that a signal needed and nobody stated, in the order of the list, each
    /// once.
    pub fn missing(&self) -> Vec<Fact> {
        let mut missing: Vec<Fact> = self.unavailable.iter().map(|signal| signal.fact).collect();
        missing.sort_unstable();
        missing.dedup();
        missing
    }

    /// Returns the points of the typology that leads.
    pub fn points(&self) -> Option<i64> {
        let lead = self.typology.as_deref()?;
        self.weighed.iter().find(|weighed| &*weighed.typology == lead).map(|lead| lead.points)
    }
}

#[cfg(test)]
mod protection;
// Of the shipped policy's signals a bank that states most leaves about ten unable to look. Room for all would
// be a block of more than a kibibyte for each decision, which allocators take from elsewhere.
const UNAVAILABLE_FEW: usize = 16;
// Of most transfers one or two signs are there, and of one in some hundred more than four.
const FIRED_FEW: usize = 4;

#[cfg(test)]
mod tests;
