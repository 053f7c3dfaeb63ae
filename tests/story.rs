//! Story: payments that are looked at more than once, and what becomes of them.
//!
//! Each story goes through the engine, a log in a folder and a restart in the middle, under the
//! policy that is shipped.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed"
)]

use std::sync::Arc;

use clearline::account::Account;
use clearline::calendar::{Span, Time};
use clearline::decision::{Action, HoldKind};
use clearline::entry::{Decided, Execution, Identity, Parameters, decision_id};
use clearline::history::Earlier;
use clearline::log::Receipt;
use clearline::log::disk::{Disk, RealDisk};
use clearline::log::segments::Settings;
use clearline::money::{Amount, Currency, Money};
use clearline::policy::{self, Policy};
use clearline::signal::{Facts, Reading};
use clearline::transfer::{
    Answer, Call, CallDirection, CallState, Fact, NameCheck, NameResult, Payee, Payer, Request,
    Session, Stage, Texts, Transfer,
};
use clearline::turn::start::{Plan, Started, start};
use clearline::turn::{self, Execute, Outcome, Refusal, Screen, Task, redecide};

/// A service with a log in a folder of its own.
struct Bank {
    started: Option<Started>,
    policy: Arc<Policy>,
    now: Time,
    asked: u64,
    folder: tempfile::TempDir,
}

/// A decision, and what names it.
struct Decision {
    id: [u8; 16],
    decided: Box<Decided>,
    receipt: Receipt,
}

impl Bank {
    fn open() -> Self {
        let policy = Arc::new(policy::load(policy::standard()).unwrap());
        let now = Time::parse("2026-11-20T15:00:00Z").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let mut bank = Self { started: None, policy, now, asked: 0, folder };
        bank.restart();
        bank
    }

    /// Ends the service, and begins it again from its log.
    fn restart(&mut self) {
        self.started = None;
        let disk: Arc<dyn Disk> = Arc::new(RealDisk::open(self.folder.path()).unwrap());
        let plan = Plan {
            origin: "bank.example/decisions".to_owned(),
            log: Settings::default(),
            parameters: Parameters::FIRST,
            policy: Arc::clone(&self.policy),
        };
        self.started = Some(start(&disk, plan, self.now).unwrap());
    }

    /// Returns a question about a payment that states nothing but what it must.
    fn bare(&mut self, payment: &str) -> Request {
        self.asked += 1;
        let mut id = [0; 16];
        id[8..].copy_from_slice(&self.asked.to_be_bytes());
        Request {
            id,
            payment_id: payment.into(),
            requested: self.now,
            stage: Stage::BeforeConfirmation,
            can_ask: true,
            continues: None,
            transfer: Box::new(transfer(self.now)),
            answers: Vec::new(),
            rejected: Vec::new(),
        }
    }

    /// Returns the same as the app states it: a stranger, all that there is, and a caller.
    fn coached(&mut self, payment: &str) -> Request {
        let mut request = self.bare(payment);
        let transfer = &mut request.transfer;
        transfer.payer.balance = Some(pounds("4100"));
        transfer.payee.times_paid = Some(0);
        transfer.session.call = Some(Call {
            state: CallState::InProgress,
            ended: None,
            direction: Some(CallDirection::Incoming),
            source: None,
        });
        request
    }

    /// Returns the same as the payment engine asks, which knows nothing of the app.
    fn submitted(&mut self, payment: &str) -> Request {
        let mut request = self.bare(payment);
        (request.stage, request.can_ask) = (Stage::AtSubmission, false);
        request
    }

    fn turn(&mut self, tasks: Vec<Task>) -> Vec<Outcome> {
        self.started.as_mut().unwrap().engine.turn(tasks, self.now).unwrap()
    }

    fn question(&self, request: Request) -> Task {
        let identity = Identity::of(&request, &self.started.as_ref().unwrap().tokens);
        // No policy has this digest, so the turn reads the texts itself.
        Task::Screen(Box::new(Screen {
            request,
            identity,
            mentions: Vec::new(),
            policy: [0; 32],
            trace: None,
        }))
    }

    fn report(&mut self, payment: &str, execution: Execution) -> Task {
        let request = self.bare(payment);
        Task::Execute(Box::new(Execute {
            payment: Identity::of(&request, &self.started.as_ref().unwrap().tokens).payment,
            payment_id: request.payment_id,
            decision: None,
            execution,
            unscreened: None,
            executed: self.now,
            reason: None,
            subject: None,
            caller: None,
            trace: None,
        }))
    }

    /// Asks about one transfer a minute after whatever was before, and holds the decision to what
    /// it was reached from.
    fn ask(&mut self, request: Request) -> Decision {
        self.now = self.now.plus(Span::minutes(1));
        let id = request.id;
        let task = self.question(request);
        let (decided, receipt) = decided(self.turn(vec![task]).remove(0));
        let again = redecide(&decided, &self.policy);
        assert_eq!(again.as_ref(), decided.personal.as_ref().map(|personal| &personal.decision));
        Decision { id: decision_id(receipt.index(), id), decided, receipt }
    }
}

impl Decision {
    fn facts(&self) -> &Facts {
        &self.decided.personal.as_ref().unwrap().facts
    }

    fn earlier(&self) -> Earlier {
        self.facts().recall.earlier.unwrap()
    }

    fn came_to(&self) -> (Action, Option<HoldKind>) {
        (self.decided.public.action, self.decided.public.hold)
    }

    /// Returns what the signal with that permanent number read.
    fn reading(&self, code: u32) -> Reading {
        let decision = &self.decided.personal.as_ref().unwrap().decision;
        let fired = decision.readings.iter().find(|reading| reading.code == code);
        let unavailable = decision.unavailable.iter().find(|signal| signal.code == code);
        let quiet = decision.quiet.iter().find(|quiet| quiet.code == code);
        let fired = fired.map(|reading| reading.reading.clone());
        fired
            .or(unavailable.map(|signal| Reading::Unavailable(signal.fact)))
            .or(quiet.map(|_| Reading::Quiet))
            .unwrap()
    }
}

fn decided(outcome: Outcome) -> (Box<Decided>, Receipt) {
    let Ok(turn::Answer::Decided(decided, receipt)) = outcome else { panic!("{outcome:?}") };
    (decided, receipt)
}

fn transfer(now: Time) -> Transfer {
    let account = |number| Account::uk("601613", number, "").unwrap();
    Transfer {
        end_to_end_id: None,
        instruction_id: None,
        uetr: None,
        rail: None,
        instruction: None,
        channel: None,
        initiation: None,
        money: pounds("4000"),
        confirmed: now,
        due: None,
        payer: Payer {
            customer: "customer-1".into(),
            account: account("31926819"),
            name: None,
            segment: None,
            balance: None,
            permitted: None,
            locale: None,
        },
        payee: Payee {
            account: account("55779911"),
            name: None,
            declared: None,
            provider: None,
            own: None,
            added: None,
            first_paid: None,
            times_paid: None,
            total_paid: None,
            reputation: None,
        },
        name_check: None,
        texts: Texts::default(),
        session: Session::default(),
        gathered: None,
    }
}

fn pounds(text: &str) -> Money {
    Money { amount: Amount::parse(text).unwrap(), currency: Currency::GBP }
}

/// Answers every question of the warning; `told` is whether somebody said what to say.
fn answers(told: &str) -> Vec<Answer> {
    [("caller_is_authority", "no"), ("told_what_to_say", told), ("told_to_hurry", "no")]
        .map(|(question, option)| Answer {
            question: question.into(),
            option: Some(option.into()),
            text: None,
            answered: None,
        })
        .to_vec()
}

const ALLOWED: (Action, Option<HoldKind>) = (Action::Allow, None);
const ASKED: (Action, Option<HoldKind>) = (Action::Hold, Some(HoldKind::PendingAnswers));
const REVIEWED: (Action, Option<HoldKind>) = (Action::Hold, Some(HoldKind::PendingReview));

#[test]
fn the_engine_decides_by_what_was_answered_in_the_app() {
    for (told, want) in [
        (&[][..], REVIEWED),
        (&["no"], ALLOWED),
        (&["yes"], REVIEWED),
        // Who admits it once and then denies it is coached, or sorry: a person finds out.
        (&["yes", "no"], REVIEWED),
        (&["no", "yes"], REVIEWED),
    ] {
        let mut bank = Bank::open();
        let request = bank.coached("payment-1");
        let first = bank.ask(request);
        assert_eq!(first.came_to(), ASKED);
        let mut last = first.id;
        for (at, told) in told.iter().enumerate() {
            let mut request = bank.bare("payment-1");
            (request.continues, request.answers) = (Some(last), answers(told));
            let look = bank.ask(request);
            let admitted = at == 1 || *told == "yes";
            assert_eq!(look.came_to(), if admitted { REVIEWED } else { ALLOWED }, "{told}");
            assert!(!look.earlier().unanswered);
            last = look.id;
        }

        bank.restart();
        let mut request = bank.submitted("payment-1");
        request.continues = Some(last);
        let look = bank.ask(request);
        assert_eq!(look.came_to(), want, "{told:?}");
        assert_eq!(look.decided.public.continues, Some(last));
        let facts = look.facts();
        assert_eq!(facts.transfer.payer.balance, first.facts().transfer.payer.balance);
        assert_eq!(facts.transfer.session.call, first.facts().transfer.session.call);
        // Whichever look came between, the source is the one that saw it.
        let taken: Vec<_> = facts.inherited.iter().map(|inherited| inherited.fact).collect();
        assert_eq!(taken, [Fact::PayerBalance, Fact::PayeeTimesPaid, Fact::Call]);
        let seen = (Stage::BeforeConfirmation, first.decided.time);
        assert!(facts.inherited.iter().all(|fact| (fact.stage, fact.stated) == seen));
        assert_eq!(facts.answers.len(), 3 * told.len());
        let earlier = look.earlier();
        assert_eq!(usize::try_from(earlier.looks).unwrap(), told.len() + 1);
        assert_eq!(earlier.unanswered, told.is_empty());
    }
}

#[test]
fn what_was_said_of_a_payee_is_not_said_of_another() {
    for (payee, amount) in [(false, false), (false, true), (true, false), (true, true)] {
        let mut bank = Bank::open();
        let mut request = bank.coached("payment-1");
        request.transfer.payee.own = Some(true);
        request.transfer.payee.name = Some("A Payer".into());
        request.transfer.name_check = Some(NameCheck {
            result: Some(NameResult::Match),
            reason: None,
            asked: None,
            reported: None,
            checked: None,
        });
        assert_eq!(bank.ask(request).came_to(), ALLOWED);

        let mut request = bank.submitted("payment-1");
        if payee {
            request.transfer.payee.account = Account::uk("204514", "10765543", "").unwrap();
            request.transfer.payee.times_paid = Some(0);
        }
        if amount {
            request.transfer.money = pounds("4050");
        }
        let look = bank.ask(request);
        let earlier = look.earlier();
        assert_eq!((earlier.payee_changed, earlier.amount_changed), (payee, amount));
        // Money that was going to the payer's own account goes to a stranger.
        assert_eq!(look.came_to(), if payee { REVIEWED } else { ALLOWED });
        let transfer = &look.facts().transfer;
        assert_eq!(transfer.payee.own, (!payee).then_some(true));
        assert_eq!(transfer.payee.name.is_some(), !payee);
        assert_eq!(transfer.name_check.is_some(), !payee);
        // What was said of the payer stands.
        assert_eq!(transfer.payer.balance, Some(pounds("4100")));
    }
}

#[test]
fn within_one_batch_each_sees_the_ones_before_it() {
    let mut bank = Bank::open();
    let (first, second) = (bank.coached("payment-1"), bank.submitted("payment-1"));
    let mut reused = first.clone();
    reused.transfer.money = pounds("1");
    let mut restated = first.clone();
    restated.transfer.texts.reference = Some("RENT".into());
    let tasks = [&first, &first, &second, &reused, &restated].map(|it| bank.question(it.clone()));
    let outcomes = bank.turn(tasks.into());
    let [one, retry, two, reused, restated] = <[Outcome; 5]>::try_from(outcomes).unwrap();
    let (one, receipt) = decided(one);
    // A retry is known by its id, whatever it states besides its identity.
    for same in [retry, restated] {
        assert_eq!(decided(same), (one.clone(), receipt.clone()));
    }
    assert_eq!(reused.err(), Some(Refusal::IdReused));
    let (two, next) = decided(two);
    assert_eq!((next.index(), next.tree_size()), (receipt.index() + 1, receipt.tree_size()));
    let facts = two.personal.unwrap().facts;
    assert_eq!(facts.recall.earlier.unwrap().looks, 1);
    assert!(facts.transfer.session.call.is_some());

    bank.restart();
    let task = bank.question(first);
    let outcome = bank.turn(vec![task]).remove(0);
    assert!(matches!(outcome, Ok(turn::Answer::Earlier(at)) if at == receipt.index()));
}

#[test]
fn a_payment_ends_in_one_way() {
    use Execution::{Cancelled, Rejected, Returned, Sent, SentUnscreened};
    let mut bank = Bank::open();
    let unknown = bank.report("payment-1", Sent);
    assert_eq!(bank.turn(vec![unknown]).remove(0).err(), Some(Refusal::NotFound));

    for (first, second, follows) in [
        (Sent, Cancelled, false),
        (Sent, Rejected, false),
        (Sent, SentUnscreened, false),
        (Sent, Returned, true),
        (SentUnscreened, Returned, true),
        (Rejected, Sent, false),
        (Cancelled, Sent, false),
        (Cancelled, Returned, false),
        (Returned, Sent, false),
    ] {
        for together in [true, false] {
            let payment = format!("{first:?}-{second:?}-{together}");
            let request = bank.bare(&payment);
            let asked = bank.ask(request);
            let reports = [first, first, second].map(|execution| bank.report(&payment, execution));
            let outcomes = if together {
                bank.turn(reports.into())
            } else {
                reports.into_iter().flat_map(|report| bank.turn(vec![report])).collect()
            };
            let [report, again, other] = <[Outcome; 3]>::try_from(outcomes).unwrap();
            let Ok(turn::Answer::Executed(executed, receipt)) = report else { panic!("{payment}") };
            assert_eq!(executed.public.decision, Some(asked.receipt.index()));
            match again.unwrap() {
                turn::Answer::Executed(_, same) => assert!(together && same == receipt),
                turn::Answer::Earlier(at) => assert!(!together && at == receipt.index()),
                answer => panic!("{payment}: a report is answered by {answer:?}"),
            }
            match other {
                Ok(_) => assert!(follows, "{payment}"),
                Err(refusal) => {
                    assert!(!follows && refusal == Refusal::ExecutionConflict, "{payment}");
                }
            }
        }
    }

    // A report may name a decision; only the payment's last one will do.
    let request = bank.bare("payment-2");
    let first = bank.ask(request).id;
    let request = bank.submitted("payment-2");
    let last = bank.ask(request).id;
    for (named, right) in [(first, false), (last, true)] {
        let mut report = bank.report("payment-2", Sent);
        if let Task::Execute(execute) = &mut report {
            execute.decision = Some(named);
        }
        let refusal = bank.turn(vec![report]).remove(0).err();
        assert_eq!(refusal, (!right).then_some(Refusal::NotFound));
    }
}

#[test]
fn a_payee_is_established_by_what_was_sent_over_months() {
    const ESTABLISHED_PAYEE: u32 = 10;
    for (report, days, want) in [
        (Some(Execution::Sent), 89, false),
        (Some(Execution::Sent), 90, true),
        (Some(Execution::SentUnscreened), 90, true),
        // Nothing left, so nothing is known.
        (Some(Execution::Rejected), 90, false),
        (None, 90, false),
        // Older than anything is remembered.
        (Some(Execution::Sent), 460, false),
    ] {
        let mut bank = Bank::open();
        let began = bank.now;
        for (number, day) in [0, 20, 50].into_iter().enumerate() {
            bank.now = began.plus(Span::days(day));
            let payment = format!("payment-{number}");
            let mut request = bank.bare(&payment);
            request.transfer.money = pounds("2000");
            assert_eq!(bank.ask(request).came_to(), ALLOWED);
            // Reported twice, as happens, and counted once.
            bank.now = began.plus(Span::days(day));
            let tasks: Vec<_> = report.iter().map(|sent| bank.report(&payment, *sent)).collect();
            assert!(bank.turn(tasks).iter().all(Result::is_ok));
            let tasks: Vec<_> = report.iter().map(|sent| bank.report(&payment, *sent)).collect();
            assert!(bank.turn(tasks).iter().all(Result::is_ok));
        }

        bank.restart();
        bank.now = began.plus(Span::days(days));
        let request = bank.coached("payment-9");
        let look = bank.ask(request);
        let fired = matches!(look.reading(ESTABLISHED_PAYEE), Reading::Fired(_));
        assert_eq!(fired, want, "{report:?} {days}");
        assert_eq!(
            look.facts().recall.pair.is_some_and(|pair| pair.count == 3),
            want || days == 89
        );

        // Twice what is usual is in proportion, and a penny more is not.
        for (amount, in_proportion) in [("4000", true), ("4000.01", false)] {
            let mut request = bank.coached(&format!("payment-of-{amount}"));
            request.transfer.money = pounds(amount);
            let look = bank.ask(request);
            let fired = matches!(look.reading(ESTABLISHED_PAYEE), Reading::Fired(_));
            assert_eq!(fired, want && in_proportion, "{report:?} {days} {amount}");
        }
    }
}
