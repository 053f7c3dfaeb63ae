//! Message: one payment as the bank asks about it.

use prost_types::Timestamp;

use crate::calendar::{Span, Time};
use crate::grpc::pb;
use crate::stories::chance::Chance;
use crate::stories::payee::{Check, Holder};

/// An account of a story.
#[derive(Clone, Debug)]
pub(super) enum Account {
    /// Sort code and account number.
    Uk(String, String),
    /// An IBAN.
    Abroad(String),
}

/// What a payment shows of the payee.
#[derive(Clone, Debug)]
pub(super) struct Paid {
    pub(super) account: Account,
    pub(super) name: String,
    pub(super) declared: pb::payee::Kind,
    pub(super) provider: pb::payee::ProviderKind,
    pub(super) own: Option<bool>,
    pub(super) added: Option<Time>,
    pub(super) past: Past,
}

/// What the payer paid the payee before.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Past {
    pub(super) first: Option<Time>,
    pub(super) times: i32,
    pub(super) pence: i64,
}

/// What a payment shows of the payer.
#[derive(Clone, Debug)]
pub(super) struct Payer {
    pub(super) customer: String,
    pub(super) account: Account,
    pub(super) name: String,
    pub(super) segment: pb::payer::Segment,
}

impl Account {
    /// Returns an account in the United Kingdom, one in about 10^11.
    pub(super) fn uk(chance: &mut Chance) -> Self {
        // Sort codes from 10 to 89 begin those of banks.
        let sort_code = chance.below(800_000).saturating_add(100_000);
        let number = chance.below(90_000_000).saturating_add(10_000_000);
        Self::Uk(format!("{sort_code:06}"), format!("{number:08}"))
    }

    /// Returns an account in Lithuania, where many electronic money institutions keep theirs.
    pub(super) fn abroad(chance: &mut Chance) -> Self {
        let number = chance.below(10_000_000_000_000_000);
        // ISO 13616: the letters as numbers from 10 and two zeros behind, and what is lacking to 98.
        let turned = u128::from(number).saturating_mul(1_000_000).saturating_add(212_900);
        let check = 98_u128.saturating_sub(turned.checked_rem(97).unwrap_or(0));
        Self::Abroad(format!("LT{check:02}{number:016}"))
    }

    pub(super) fn held_by(holder: Holder, chance: &mut Chance) -> Self {
        match holder {
            Holder::Personal | Holder::Business => Self::uk(chance),
            Holder::Abroad => Self::abroad(chance),
        }
    }

    pub(super) fn message(&self) -> pb::Account {
        match self {
            Self::Uk(sort_code, number) => pb::Account {
                sort_code: sort_code.clone(),
                account_number: number.clone(),
                ..pb::Account::default()
            },
            Self::Abroad(iban) => pb::Account { iban: iban.clone(), ..pb::Account::default() },
        }
    }
}

impl Paid {
    /// Returns the message; the ledger's part where the bank states it.
    pub(super) fn message(&self, added_known: bool, past_known: bool) -> pb::Payee {
        let past = past_known.then_some(self.past);
        pb::Payee {
            account: Some(self.account.message()),
            name: Some(self.name.clone()),
            declared_kind: self.declared.into(),
            provider_kind: self.provider.into(),
            own_account: self.own,
            add_time: self.added.filter(|_| added_known).map(stamp),
            first_pay_time: past.and_then(|past| past.first).map(stamp),
            times_paid: past.map(|past| past.times),
            total_paid: past.map(|past| pounds(past.pence)),
            reputation: None,
        }
    }
}

impl Past {
    /// Adds one more payment.
    pub(super) fn add(&mut self, at: Time, pence: i64) {
        self.first = self.first.or(Some(at));
        self.times = self.times.saturating_add(1);
        self.pence = self.pence.saturating_add(pence);
    }
}

impl Payer {
    /// Returns the message without what the ledger says.
    pub(super) fn message(&self, told: bool) -> pb::Payer {
        pb::Payer {
            customer_key: self.customer.clone(),
            account: Some(self.account.message()),
            name: told.then(|| self.name.clone()),
            segment: if told { self.segment } else { pb::payer::Segment::Unspecified }.into(),
            ..pb::Payer::default()
        }
    }
}

/// Returns what the name check answers about an account of `holder`, asked for `declared`.
pub(super) fn name_check(
    check: Check,
    holder: Holder,
    declared: pb::payee::Kind,
    at: Time,
) -> Option<pb::NameCheck> {
    use pb::name_check::{AccountKind, Result};
    use pb::payee::Kind;
    // The check is a service of the United Kingdom.
    if holder == Holder::Abroad {
        return None;
    }
    let business = holder == Holder::Business;
    let kind = if business { AccountKind::Business } else { AccountKind::Personal };
    let asked = match declared {
        Kind::Unspecified => AccountKind::Unspecified,
        Kind::Person => AccountKind::Personal,
        Kind::Business => AccountKind::Business,
    };
    let other = asked != AccountKind::Unspecified && asked != kind;
    let (result, reason, told) = match check {
        Check::NotAsked => return None,
        // A right name on an account of the other kind is a near match by the rules of the check.
        Check::Match | Check::OtherKind if other && business => {
            (Result::CloseMatch, Some("BANM"), true)
        }
        Check::Match | Check::OtherKind if other => (Result::CloseMatch, Some("PANM"), true),
        Check::Match | Check::OtherKind => (Result::Match, None, true),
        Check::CloseMatch if other && business => (Result::CloseMatch, Some("BAMM"), true),
        Check::CloseMatch if other => (Result::CloseMatch, Some("PAMM"), true),
        Check::CloseMatch => (Result::CloseMatch, Some("MBAM"), true),
        Check::NoMatch => (Result::NoMatch, Some("ANNM"), false),
        Check::Impossible => (Result::CouldNotCheck, Some("OPTO"), false),
    };
    Some(pb::NameCheck {
        result: result.into(),
        reason_code: reason.map(ToOwned::to_owned),
        asked_account_kind: asked.into(),
        reported_account_kind: if told { kind } else { AccountKind::Unspecified }.into(),
        check_time: Some(stamp(at)),
    })
}

/// Returns what is typed with a payment; `None` where nothing is.
pub(super) fn texts(
    reference: Option<&str>,
    remittance: Option<&str>,
    purpose: Option<&str>,
) -> Option<pb::Texts> {
    let owned = |text: Option<&str>| text.map(ToOwned::to_owned);
    let any = reference.is_some() || remittance.is_some() || purpose.is_some();
    any.then(|| pb::Texts {
        reference: owned(reference),
        remittance: owned(remittance),
        stated_purpose: owned(purpose),
        ..pb::Texts::default()
    })
}

/// Returns a UUID of version 8, which is for numbers of one's own making (RFC 9562, 5.8).
pub(super) fn uuid(chance: &mut Chance) -> String {
    let mut bytes = [0; 16];
    for half in bytes.chunks_mut(8) {
        half.copy_from_slice(&chance.next().to_be_bytes());
    }
    uuid::Builder::from_custom_bytes(bytes).into_uuid().to_string()
}

/// Writes pence as pounds.
pub(super) fn pounds(pence: i64) -> pb::Money {
    let (whole, rest) = (pence.div_euclid(100), pence.rem_euclid(100));
    pb::Money { currency_code: "GBP".to_owned(), value: format!("{whole}.{rest:02}") }
}

pub(super) fn stamp(time: Time) -> Timestamp {
    let (seconds, nanos) = time.parts();
    Timestamp { seconds, nanos }
}

/// Returns so many whole minutes.
pub(super) const fn span(minutes: i64) -> Span {
    Span::minutes(minutes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account;
    use crate::calendar::Time;

    #[test]
    fn accounts_are_right_wherever_they_are() {
        let mut chance = Chance::of(3, &["accounts"]);
        for _ in 0..500 {
            let Account::Uk(sort_code, number) = Account::uk(&mut chance) else { panic!("not UK") };
            account::Account::uk(&sort_code, &number, "").unwrap();
            let Account::Abroad(iban) = Account::abroad(&mut chance) else { panic!("UK") };
            account::Account::iban(&iban).unwrap();
        }
    }

    #[test]
    fn pounds_have_two_decimals() {
        for (pence, want) in [(0, "0.00"), (1, "0.01"), (109, "1.09"), (490_000, "4900.00")] {
            assert_eq!(pounds(pence).value, want);
        }
    }

    #[test]
    fn a_right_name_on_an_account_of_the_other_kind_is_a_near_match() {
        use pb::payee::Kind;
        let at = Time::from_micros(0);
        for (check, holder, declared, want) in [
            (Check::Match, Holder::Business, Kind::Business, (1, None)),
            (Check::Match, Holder::Personal, Kind::Business, (2, Some("PANM"))),
            (Check::OtherKind, Holder::Personal, Kind::Business, (2, Some("PANM"))),
            (Check::Match, Holder::Business, Kind::Person, (2, Some("BANM"))),
            (Check::CloseMatch, Holder::Personal, Kind::Unspecified, (2, Some("MBAM"))),
            (Check::NoMatch, Holder::Personal, Kind::Person, (3, Some("ANNM"))),
            (Check::Impossible, Holder::Personal, Kind::Person, (4, Some("OPTO"))),
        ] {
            let answer = name_check(check, holder, declared, at).unwrap();
            assert_eq!((answer.result, answer.reason_code.as_deref()), want, "{check:?}");
        }
        assert_eq!(name_check(Check::NotAsked, Holder::Personal, Kind::Person, at), None);
        assert_eq!(name_check(Check::Match, Holder::Abroad, Kind::Person, at), None);
    }
}
