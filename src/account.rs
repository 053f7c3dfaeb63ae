//! Account: where money leaves from or goes to, one canonical key for one account, and keyed tokens.
//!
//! A GB IBAN holds the sort code and account number, so the same account must be recognised whether
//! a channel knows it by the one or the other: everything we remember hangs on that. What we
//! remember, list and index is kept under tokens: keyed hashes that mean nothing without the key.
//!
//! Never checks whether an account exists: modulus tables are the bank's data.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::tagged::{self, Tagged, TaggedError};

/// An account, in its canonical form. Two values are equal where the accounts are the same.
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Account(Box<str>);

/// A keyed hash of a value: equal for equal values, and meaningless without the key.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Token(pub [u8; 16]);

/// Makes tokens with one secret key.
#[derive(Clone)]
pub struct Tokens(Hmac<Sha256>);

/// What a token stands for. Kept apart, so that an account number used as a customer key does not
/// become the same token.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Realm {
    /// The bank's key for a customer.
    Customer,
    /// An account.
    Account,
    /// The bank's id of a payment.
    Payment,
    /// An ISO 20022 `EndToEndId`.
    EndToEnd,
    /// An ISO 20022 `InstrId`.
    Instruction,
    /// Whoever calls.
    Caller,
}

/// Which part of an account cannot be read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AccountProblem {
    /// Not six digits.
    SortCode,
    /// Not eight digits.
    Number,
    /// Not 1 to 18 letters, digits, spaces and `/ - .`.
    RollNumber,
    /// Not an IBAN with right check digits.
    Iban,
}

impl Account {
    /// Takes a UK account: six digits, eight digits and, for accounts that share a number, a roll
    /// number. Names every part at fault.
    pub fn uk(sort_code: &str, number: &str, roll: &str) -> Result<Self, Vec<AccountProblem>> {
        let digits = |text: &str, count| {
            text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit())
        };
        let mut problems = Vec::new();
        if !digits(sort_code, 6) {
            problems.push(AccountProblem::SortCode);
        }
        if !digits(number, 8) {
            problems.push(AccountProblem::Number);
        }
        let roll_fits = roll.chars().all(|c| c.is_ascii_alphanumeric() || " /-.".contains(c));
        if !roll_fits || roll.len() > ROLL_CHARS_MAX {
            problems.push(AccountProblem::RollNumber);
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let mut key = String::with_capacity(14);
        key.push_str(sort_code);
        key.push_str(number);
        // Building societies print one roll number with and without its separators.
        let roll = roll.chars().filter(char::is_ascii_alphanumeric);
        for (at, c) in roll.enumerate() {
            if at == 0 {
                key.push('/');
            }
            key.push(c.to_ascii_uppercase());
        }
        Ok(Self(key.into()))
    }

    /// Takes an IBAN, spaces allowed. One of a UK account becomes its sort code and number.
    pub fn iban(text: &str) -> Result<Self, AccountProblem> {
        let compact: String = text.chars().filter(|c| *c != ' ').collect();
        let iban: iban::Iban =
            compact.to_ascii_uppercase().parse().map_err(|_| AccountProblem::Iban)?;
        let text = iban.to_string().replace(' ', "");
        // `GB`, two check digits, four letters of the bank, then sort code and number.
        match text.strip_prefix("GB").and_then(|rest| rest.get(6..)) {
            Some(domestic) => Ok(Self(domestic.into())),
            None => Ok(Self(text.into())),
        }
    }

    /// Returns the canonical text: 14 digits, with `/` and the roll number where there is one, or an
    /// IBAN of another country.
    pub fn key(&self) -> &str {
        &self.0
    }
}

/// Shows the last four characters only: accounts are personal data.
impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.0.get(self.0.len().saturating_sub(4)..).unwrap_or("");
        write!(f, "Account(****{shown})")
    }
}

impl Tagged for Account {
    fn put(&self, bytes: &mut Vec<u8>) {
        self.0.put(bytes);
    }

    fn take(bytes: &[u8]) -> Result<Self, TaggedError> {
        Box::<str>::take(bytes).map(Self)
    }
}

impl Tagged for Token {
    fn put(&self, bytes: &mut Vec<u8>) {
        self.0.put(bytes);
    }

    fn take(bytes: &[u8]) -> Result<Self, TaggedError> {
        Tagged::take(bytes).map(Self)
    }
}

tagged::always!(Account, Token);

impl Tokens {
    /// Takes the secret key.
    pub fn new(key: &[u8; 32]) -> Self {
        // HMAC pads a key to its block of 64 bytes with zeros.
        let mut block = [0; 64];
        block.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
        Self(Hmac::new(&block.into()))
    }

    /// Returns the token of `value`: the first 16 bytes of
    /// HMAC-SHA256(key, realm byte ‖ value).
    pub fn token(&self, realm: Realm, value: &str) -> Token {
        let realm = match realm {
            Realm::Customer => 1,
            Realm::Account => 2,
            Realm::Payment => 3,
            Realm::EndToEnd => 4,
            Realm::Instruction => 5,
            Realm::Caller => 6,
        };
        let mut mac = self.0.clone();
        mac.update(&[realm]);
        mac.update(value.as_bytes());
        let hash: [u8; 32] = mac.finalize().into_bytes().into();
        let mut token = [0; 16];
        token.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
        Token(token)
    }

    /// Returns the whole HMAC-SHA256 of `bytes`, for what must not be forged, such as page tokens.
    pub fn seal(&self, bytes: &[u8]) -> [u8; 32] {
        let mut mac = self.0.clone();
        mac.update(&[0]);
        mac.update(bytes);
        mac.finalize().into_bytes().into()
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tokens(…)")
    }
}

// Secondary reference data of Confirmation of Payee has at most 35 characters; the longest roll
// number in use has 18 (domain notes on account identifiers).
const ROLL_CHARS_MAX: usize = 18;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_account_has_one_key_however_it_is_written() {
        let uk = Account::uk("601613", "31926819", "").unwrap();
        for iban in ["GB33BUKB20201555555555", "gb33 bukb 2020 1555 5555 55"] {
            let want = Account::uk("202015", "55555555", "").unwrap();
            assert_eq!(Account::iban(iban), Ok(want), "{iban}");
        }
        assert_eq!(Account::iban("GB29NWBK60161331926819"), Ok(uk));
        let french = Account::iban("FR14 2004 1010 0505 0001 3M02 606").unwrap();
        assert_eq!(french.key(), "FR1420041010050500013M02606");
    }

    #[test]
    fn a_roll_number_tells_accounts_apart_but_its_separators_do_not() {
        let with = |roll| Account::uk("601613", "31926819", roll).unwrap();
        assert_ne!(with(""), with("A1"));
        assert_eq!(with("a-1/2"), with("A12"));
    }

    #[test]
    fn every_part_at_fault_is_named() {
        use AccountProblem::{Iban, Number, RollNumber, SortCode};
        for (sort_code, number, roll, want) in [
            ("", "", "", vec![SortCode, Number]),
            ("60161", "31926819", "", vec![SortCode]),
            ("60-16-13", "31926819", "", vec![SortCode]),
            ("601613", "3192681", "", vec![Number]),
            ("601613", "319268190", "", vec![Number]),
            ("60161x", "3192681٣", "$", vec![SortCode, Number, RollNumber]),
            ("601613", "31926819", "1234567890123456789", vec![RollNumber]),
        ] {
            assert_eq!(Account::uk(sort_code, number, roll), Err(want));
        }
        for text in ["", "GB33BUKB20201555555554", "XX", "GB33BUKB2020155555555"] {
            assert_eq!(Account::iban(text), Err(Iban), "{text}");
        }
    }

    #[test]
    fn tokens_differ_by_key_realm_and_value() {
        let tokens = Tokens::new(&[1; 32]);
        let token = tokens.token(Realm::Account, "60161331926819");
        assert_eq!(token, tokens.token(Realm::Account, "60161331926819"));
        assert_ne!(token, tokens.token(Realm::Customer, "60161331926819"));
        assert_ne!(token, tokens.token(Realm::Account, "60161331926818"));
        assert_ne!(token, Tokens::new(&[2; 32]).token(Realm::Account, "60161331926819"));
    }

    #[test]
    fn an_account_is_not_printed_whole() {
        let account = Account::uk("601613", "31926819", "").unwrap();
        assert_eq!(format!("{account:?}"), "Account(****6819)");
    }
}
