//! Typed: what people type, as they type it: in their own case, with slips, cut off at eighteen characters.

use crate::grpc::pb;
use crate::life::Draft;
use crate::life::chance::Chance;
use crate::life::message::Scene;
use crate::life::payee::digits;
use crate::life::person::{Way, name};
use crate::life::words::{BLAND, COVER_CODES, COVERS, MONTHS, telling};
use crate::records::pb::scam::Variant;

impl Scene<'_> {
    /// Returns reference and stated purpose, as far as they are there.
    pub(super) fn texts(&mut self, draft: &Draft) -> Option<pb::Texts> {
        let missing = self.parameters.missing;
        let (references, purposes, code) = match &draft.step {
            Some(step) if step.variant == Variant::TellingWords => {
                let (references, purposes) = telling(step.script);
                (references, Some(purposes), self.chance.pick(COVER_CODES))
            }
            Some(_) => (BLAND, Some(COVERS), self.chance.pick(COVER_CODES)),
            None => (draft.kind.references(), None, draft.kind.code()),
        };
        let template = self.chance.pick(references);
        let told = draft.step.as_ref().is_some_and(|step| step.variant == Variant::TellingWords);
        // What a variant is about is always there.
        let reference = (told || self.told(missing.reference)).then(|| self.typed(template, draft));

        // Banks ask what it is for where a payee is new and somebody is there.
        let asked = draft.known.times == 0 && draft.way == Way::Now && self.told(missing.purpose);
        let purpose = match purposes {
            Some(purposes) if asked => {
                let rate = self.parameters.scams.purpose_told_per_mille;
                self.chance.per_mille(rate).then(|| self.chance.pick(purposes).to_owned())
            }
            None if asked && self.chance.per_mille(150) => {
                Some(draft.kind.name().replace('_', " "))
            }
            _ => None,
        };
        let texts = pb::Texts {
            reference,
            stated_purpose: purpose,
            stated_purpose_code: asked.then(|| code.to_owned()),
            ..pb::Texts::default()
        };
        (texts != pb::Texts::default()).then_some(texts)
    }

    /// Fills in a template and types it.
    fn typed(&mut self, template: &str, draft: &Draft) -> String {
        let mut text = String::with_capacity(24);
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            text.push_str(before);
            let (what, after) = after.split_once('}').unwrap_or((after, ""));
            match what {
                "n" => {
                    let width = self.chance.pick(&[2, 3, 4, 4, 5, 5, 6, 8]);
                    text.push_str(&digits(self.chance.next() >> 8, width));
                }
                "m" => text.push_str(MONTHS.get(draft.month).copied().unwrap_or("jan")),
                "f" => {
                    let payee = draft.known.payee.name(self.seed, "me");
                    text.push_str(payee.split(' ').next().unwrap_or("you"));
                }
                _ => {
                    let payer = name(self.seed, draft.person.into(), draft.customer);
                    text.push_str(payer.split(' ').nth(1).unwrap_or("me"));
                }
            }
            rest = after;
        }
        text.push_str(rest);
        if self.chance.per_mille(self.parameters.session.slip_per_mille) {
            slip(&mut text, &mut self.chance);
        }
        // How somebody types is theirs.
        let mut hand = Chance::of(&[self.seed, HAND, draft.person.into()]);
        match hand.below(10) {
            0..3 => text.make_ascii_uppercase(),
            3..6 => {
                if let Some(first) = text.get_mut(..1) {
                    first.make_ascii_uppercase();
                }
            }
            _ => {}
        }
        text.truncate(REFERENCE_CHARS);
        text.truncate(text.trim_end().len());
        text
    }
}

/// Leaves a letter out.
fn slip(text: &mut String, chance: &mut Chance) {
    let letters = u64::try_from(text.len()).unwrap_or(0);
    let at = usize::try_from(chance.below(letters)).unwrap_or(0);
    if 4 < letters && text.is_char_boundary(at) {
        text.remove(at);
    }
}

/// Faster Payments, field 120.
const REFERENCE_CHARS: usize = 18;
/// Marks the streams of hands.
const HAND: u64 = 12;
