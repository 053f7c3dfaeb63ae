//! Payee: whom people pay, all of it computed from a sort and a number.

use crate::life::chance::Chance;
use crate::life::words::{BODIES, COMPANIES, COUNCILS, FIRST_NAMES, PLACES, SURNAMES, TRADES};

/// Somebody with an account: the same sort and number are the same account.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Payee {
    pub(crate) sort: Sort,
    pub(crate) number: u64,
}

/// The sorts of payees.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Sort {
    Friend,
    Stranger,
    Seller,
    Employee,
    /// The payer's own account elsewhere.
    Own,
    Landlord,
    /// Small businesses; a third bank under the owner's name.
    Trader,
    Builder,
    Company,
    Supplier,
    Club,
    School,
    Agent,
    Solicitor,
    Conveyancer,
    Biller,
    Council,
    Hmrc,
    Court,
    PoliceBody,
    University,
    Halls,
    Charity,
    Broker,
    Exchange,
    /// A mule who is a person.
    Mule,
    /// A mule whose account is that of a business.
    MuleCompany,
    /// An account that a scammer opened in the payer's name.
    MuleOwnName,
}

impl Sort {
    /// Returns how many of them there are, where many customers pay the same ones.
    const fn pool(self) -> Option<u64> {
        match self {
            Self::Hmrc => Some(6),
            Self::Court => Some(40),
            Self::PoliceBody => Some(45),
            Self::Biller => Some(300),
            Self::Council => Some(380),
            Self::University => Some(160),
            Self::Halls => Some(220),
            Self::Charity => Some(3_000),
            Self::Broker => Some(50),
            Self::Exchange => Some(30),
            Self::Conveyancer => Some(4_000),
            Self::Solicitor => Some(9_000),
            Self::School | Self::Agent | Self::Club => Some(20_000),
            _ => None,
        }
    }

    /// Draws one of them, one that nobody else pays where they are no pool.
    pub(crate) fn draw(self, chance: &mut Chance) -> Payee {
        let number = match self.pool() {
            Some(pool) => chance.below(pool),
            None => chance.next() >> 8,
        };
        Payee { sort: self, number }
    }

    /// Tells whether payers think of it as a business or body.
    pub(crate) const fn business(self) -> bool {
        !matches!(
            self,
            Self::Friend
                | Self::Stranger
                | Self::Seller
                | Self::Employee
                | Self::Own
                | Self::Landlord
                | Self::Mule
                | Self::MuleOwnName
        )
    }

    /// Tells whether so many pay it that its name is always right.
    pub(crate) const fn well_known(self) -> bool {
        matches!(
            self,
            Self::Hmrc
                | Self::Court
                | Self::PoliceBody
                | Self::Biller
                | Self::Council
                | Self::University
                | Self::Broker
                | Self::Exchange
        )
    }

    /// Tells whether it is a scammer's.
    pub(crate) const fn mule(self) -> bool {
        matches!(self, Self::Mule | Self::MuleCompany | Self::MuleOwnName)
    }
}

impl Payee {
    /// Returns the stream of what is always the same about it.
    pub(crate) fn chance(self, seed: u64) -> Chance {
        Chance::of(&[seed, PAYEE, self.place(), self.number])
    }

    /// Returns the place of its sort among all; constant however the enum is ordered in memory.
    fn place(self) -> u64 {
        let at = SORTS.iter().position(|sort| *sort == self.sort);
        at.and_then(|at| u64::try_from(at).ok()).unwrap_or(0)
    }

    /// Writes sort code and account number, 14 digits.
    pub(crate) fn account(self, seed: u64) -> (String, String) {
        let mut chance = self.chance(seed);
        (digits(chance.below(1_000_000), 6), digits(chance.below(100_000_000), 8))
    }

    /// Returns the name that a payer types.
    pub(crate) fn name(self, seed: u64, payer: &str) -> String {
        let mut chance = self.chance(seed);
        let _ = (chance.next(), chance.next());
        match self.sort {
            Sort::Own | Sort::MuleOwnName => payer.to_owned(),
            Sort::Friend | Sort::Stranger | Sort::Employee | Sort::Mule | Sort::Landlord => {
                person(&mut chance)
            }
            Sort::Seller if chance.per_mille(600) => person(&mut chance),
            Sort::Trader if chance.per_mille(330) => person(&mut chance),
            Sort::Seller => [chance.pick(PLACES), "Motors"].join(" "),
            Sort::Trader | Sort::Builder => [chance.pick(SURNAMES), chance.pick(TRADES)].join(" "),
            Sort::Company | Sort::Supplier | Sort::MuleCompany => {
                [chance.pick(PLACES), chance.pick(COMPANIES)].join(" ")
            }
            Sort::Solicitor => [chance.pick(SURNAMES), "Solicitors"].join(" "),
            Sort::Conveyancer => [chance.pick(SURNAMES), "LLP Client Account"].join(" "),
            Sort::Agent => [chance.pick(SURNAMES), "Lettings"].join(" "),
            Sort::Club => [chance.pick(PLACES), chance.pick(BODIES)].join(" "),
            Sort::School => [chance.pick(PLACES), "School"].join(" "),
            Sort::Council => [chance.pick(PLACES), chance.pick(COUNCILS)].join(" "),
            Sort::Hmrc => "HMRC".to_owned(),
            Sort::Court => "HMCTS".to_owned(),
            Sort::PoliceBody => [chance.pick(PLACES), "Police"].join(" "),
            Sort::University => ["University of", chance.pick(PLACES)].join(" "),
            Sort::Halls => [chance.pick(PLACES), "Student Living"].join(" "),
            Sort::Charity => [chance.pick(PLACES), "Trust"].join(" "),
            Sort::Broker => [chance.pick(SURNAMES), "Investments"].join(" "),
            Sort::Exchange => [chance.pick(PLACES), "Digital Assets"].join(" "),
            Sort::Biller => [chance.pick(PLACES), "Energy and Water"].join(" "),
        }
    }
}

/// Returns the name of a person.
pub(crate) fn person(chance: &mut Chance) -> String {
    [chance.pick(FIRST_NAMES), chance.pick(SURNAMES)].join(" ")
}

/// Returns `number` in `width` digits.
pub(crate) fn digits(mut number: u64, width: usize) -> String {
    let mut text = vec![b'0'; width];
    for digit in text.iter_mut().rev() {
        let last = u8::try_from(number.checked_rem(10).unwrap_or(0)).unwrap_or(0);
        *digit = b'0'.saturating_add(last);
        number = number.checked_div(10).unwrap_or(0);
    }
    String::from_utf8(text).unwrap_or_default()
}

/// Marks the streams of payees.
const PAYEE: u64 = 4;

const SORTS: [Sort; 28] = [
    Sort::Friend,
    Sort::Stranger,
    Sort::Seller,
    Sort::Employee,
    Sort::Own,
    Sort::Landlord,
    Sort::Trader,
    Sort::Builder,
    Sort::Company,
    Sort::Supplier,
    Sort::Club,
    Sort::School,
    Sort::Agent,
    Sort::Solicitor,
    Sort::Conveyancer,
    Sort::Biller,
    Sort::Council,
    Sort::Hmrc,
    Sort::Court,
    Sort::PoliceBody,
    Sort::University,
    Sort::Halls,
    Sort::Charity,
    Sort::Broker,
    Sort::Exchange,
    Sort::Mule,
    Sort::MuleCompany,
    Sort::MuleOwnName,
];
