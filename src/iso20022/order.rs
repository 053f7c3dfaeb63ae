//! Order: what a message states of one credit transfer, and where.

use crate::calendar::Time;
use crate::iso20022::Kind;
use crate::iso20022::xml::Element;
use crate::transfer::Rail;

/// One credit transfer, as its message states it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Order {
    /// Path of its element, such as `CstmrCdtTrfInitn/PmtInf[1]/CdtTrfTxInf[2]`.
    pub path: Box<str>,
    /// How it is to be paid; faulty where that is no credit transfer. States nothing else.
    pub method: Told<()>,
    /// `PmtId/EndToEndId`, but for `NOTPROVIDED`.
    pub end_to_end_id: Told<Box<str>>,
    /// `PmtId/InstrId`.
    pub instruction_id: Told<Box<str>>,
    /// `PmtId/UETR`.
    pub uetr: Told<Box<str>>,
    /// The scheme, where it is named.
    pub rail: Told<Rail>,
    /// How much, in digits.
    pub amount: Told<Box<str>>,
    /// Of what: `@Ccy` of the amount.
    pub currency: Told<Box<str>>,
    /// When it is to leave; midnight in UTC, which lies on the same day in London, of a date.
    pub due: Told<Time>,
    /// `Dbtr`, `DbtrAcct` and `DbtrAgt`.
    pub payer: Party,
    /// `Cdtr`, `CdtrAcct` and `CdtrAgt`.
    pub payee: Party,
    /// The first reference of structured remittance information.
    pub reference: Told<Box<str>>,
    /// References beyond the first, for which there is no place.
    pub references_left: Vec<Box<str>>,
    /// Unstructured remittance information, and what is added to structured in free text: a line
    /// each, as many as fit into 140 characters.
    pub remittance: Told<Box<str>>,
    /// Texts of those that did not fit, by their paths.
    pub remittance_left: Vec<Box<str>>,
    /// `Purp/Cd`.
    pub purpose: Told<Box<str>>,
    /// `PmtTpInf/CtgyPurp/Cd`.
    pub category: Told<Box<str>>,
}

/// Who pays or is paid.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Party {
    /// Name.
    pub name: Told<Box<str>>,
    /// Account.
    pub account: Told<AccountAs>,
}

/// An account, in the form in which it was stated.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum AccountAs {
    /// An IBAN.
    Iban(Box<str>),
    /// A sort code and an account number.
    Uk {
        /// Six digits, if it is right.
        sort_code: Box<str>,
        /// Path of the sort code.
        sort_code_path: Box<str>,
        /// Eight digits, if it is right.
        number: Box<str>,
    },
    /// A number that says nothing without the bank that gave it.
    Number(Box<str>),
}

/// What a message says at one place.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Told<T> {
    /// Path of the element, there or not.
    pub path: Box<str>,
    /// What it says.
    pub stated: Stated<T>,
}

/// What an element says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Stated<T> {
    /// It is not there.
    Absent,
    /// This.
    Is(T),
    /// Nothing that could be read; holds what was expected, lower case and without a full stop.
    Faulty(&'static str),
}

impl<T> Told<T> {
    fn absent(path: String) -> Self {
        Self { path: path.into(), stated: Stated::Absent }
    }

    fn faulty(path: String, expected: &'static str) -> Self {
        Self { path: path.into(), stated: Stated::Faulty(expected) }
    }

    /// Returns what was stated, if it could be read.
    pub fn is(&self) -> Option<&T> {
        match &self.stated {
            Stated::Is(value) => Some(value),
            Stated::Absent | Stated::Faulty(_) => None,
        }
    }

    /// Reads what was stated further.
    fn then<U>(self, read: impl FnOnce(T) -> Stated<U>) -> Told<U> {
        let stated = match self.stated {
            Stated::Absent => Stated::Absent,
            Stated::Is(value) => read(value),
            Stated::Faulty(expected) => Stated::Faulty(expected),
        };
        Told { path: self.path, stated }
    }

    /// Takes what another place says where this one says nothing.
    fn or(self, other: Self) -> Self {
        match (&self.stated, &other.stated) {
            (Stated::Absent, Stated::Is(_) | Stated::Faulty(_)) => other,
            _ => self,
        }
    }
}

/// An element, and its path.
#[derive(Clone, Debug)]
pub(crate) struct Scope<'a> {
    element: &'a Element,
    path: String,
}

impl<'a> Scope<'a> {
    pub(crate) fn new(element: &'a Element, path: String) -> Self {
        Self { element, path }
    }

    /// Returns the elements of this name in it, all of the message's own namespace.
    fn named(&self, name: &str) -> impl Iterator<Item = &'a Element> {
        let own = self.element.namespace.as_deref();
        let fits =
            move |child: &&Element| *child.name == *name && child.namespace.as_deref() == own;
        self.element.children.iter().filter(fits)
    }

    /// Returns each of the elements of this name, numbered from 1.
    pub(crate) fn each(&self, name: &str) -> impl Iterator<Item = Self> {
        let path = move |at: usize| format!("{}/{name}[{}]", self.path, at.saturating_add(1));
        self.named(name).enumerate().map(move |(at, element)| Self { element, path: path(at) })
    }

    /// Returns the only element of this name, if there is one; else the path of what stands twice.
    pub(crate) fn child(&self, name: &str) -> Result<Option<Self>, String> {
        let path = format!("{}/{name}", self.path);
        let mut named = self.named(name);
        match (named.next(), named.next()) {
            (None, _) => Ok(None),
            (Some(element), None) => Ok(Some(Self { element, path })),
            (Some(_), Some(_)) => Err(path),
        }
    }

    /// Goes down by these names, each of an element that stands once.
    fn reach(&self, names: &[&str]) -> Result<Option<Self>, String> {
        let mut scope = self.clone();
        for name in names {
            match scope.child(name)? {
                Some(child) => scope = child,
                None => return Ok(None),
            }
        }
        Ok(Some(scope))
    }

    fn path(&self, names: &[&str]) -> String {
        let mut path = self.path.clone();
        for name in names {
            path.push('/');
            path.push_str(name);
        }
        path
    }

    /// Returns the text of the element that these names lead to.
    pub(crate) fn told(&self, names: &[&str]) -> Told<Box<str>> {
        match self.reach(names) {
            Err(twice) => Told::faulty(twice, ONCE),
            Ok(None) => Told::absent(self.path(names)),
            Ok(Some(scope)) => scope.text(),
        }
    }

    /// Returns its own text.
    fn text(self) -> Told<Box<str>> {
        if !self.element.children.is_empty() {
            return Told::faulty(self.path, TEXT);
        }
        let text = self.element.text.as_str().into();
        Told { path: self.path.into(), stated: Stated::Is(text) }
    }
}

/// Takes apart one order and what the level above it, `PmtInf` or `GrpHdr`, states for it.
pub(crate) fn order(kind: Kind, above: &Scope<'_>, scope: &Scope<'_>) -> Order {
    let (amount, currency) = amount(kind, scope);
    let (payers, method, due) = match kind {
        Kind::Initiation => (above, method(above), due(above)),
        Kind::Interbank => {
            let absent = |name: &str| scope.path(&[name]);
            (scope, Told::absent(absent("PmtMtd")), Told::absent(absent("ReqdExctnDt")))
        }
    };
    let (reference, references_left) = reference(scope);
    let (remittance, remittance_left) = remittance(scope);
    let category = ["PmtTpInf", "CtgyPurp", "Cd"];
    Order {
        path: scope.path.as_str().into(),
        method,
        end_to_end_id: scope.told(&["PmtId", "EndToEndId"]).then(|id| match &*id {
            // What the standard has a payer write who has no reference: no id of anything.
            "NOTPROVIDED" => Stated::Absent,
            _ => Stated::Is(id),
        }),
        instruction_id: scope.told(&["PmtId", "InstrId"]),
        uetr: scope.told(&["PmtId", "UETR"]),
        rail: rail(kind, above, scope),
        amount,
        currency,
        due,
        payer: party(payers, ["Dbtr", "DbtrAcct", "DbtrAgt"]),
        payee: party(scope, ["Cdtr", "CdtrAcct", "CdtrAgt"]),
        reference,
        references_left,
        remittance,
        remittance_left,
        purpose: scope.told(&["Purp", "Cd"]),
        category: scope.told(&category).or(above.told(&category)),
    }
}

fn method(above: &Scope<'_>) -> Told<()> {
    above.told(&["PmtMtd"]).then(|method| match &*method {
        // Versions before the fourth have both.
        "TRF" | "TRA" => Stated::Is(()),
        _ => Stated::Faulty("`TRF`: only transfers are screened"),
    })
}

/// Returns what the payer ordered: in pacs.008 that may differ from what the banks settle.
fn amount(kind: Kind, scope: &Scope<'_>) -> (Told<Box<str>>, Told<Box<str>>) {
    let places: [&[&str]; 2] = match kind {
        // The second is stated in the currency of the payer's account, and is what leaves it.
        Kind::Initiation => [&["Amt", "InstdAmt"], &["Amt", "EqvtAmt", "Amt"]],
        Kind::Interbank => [&["InstdAmt"], &["IntrBkSttlmAmt"]],
    };
    let mut absent = None;
    for names in places {
        let amount = scope.told(names);
        if amount.stated == Stated::Absent {
            // The place that a message of this kind must have is named where there is neither.
            if absent.is_none() || kind == Kind::Interbank {
                absent = Some(amount);
            }
            continue;
        }
        let path = format!("{}/@Ccy", amount.path);
        let element = scope.reach(names).ok().flatten();
        let currency = element.and_then(|scope| scope.element.currency.clone());
        let stated = currency.map_or(Stated::Faulty("a currency"), Stated::Is);
        return (amount, Told { path: path.into(), stated });
    }
    let amount = absent.unwrap_or_else(|| Told::absent(scope.path(&["Amt"])));
    let path = format!("{}/@Ccy", amount.path);
    (amount, Told::absent(path))
}

/// Reads the day or time that an order is for.
fn due(above: &Scope<'_>) -> Told<Time> {
    // Before version 8 the date is the element's own text.
    let place = match above.child("ReqdExctnDt") {
        Ok(Some(scope)) if scope.element.children.is_empty() => scope.text(),
        _ => above.told(&["ReqdExctnDt", "Dt"]).or(above.told(&["ReqdExctnDt", "DtTm"])),
    };
    place.then(|text| {
        // A time without an offset counts as its day: nobody says whose clock it is.
        let day = || text.get(..10).and_then(|day| Time::parse(&format!("{day}T00:00:00Z")));
        match Time::parse(&text).or_else(day) {
            Some(time) => Stated::Is(time),
            None => Stated::Faulty("a date or a time"),
        }
    })
}

/// Reads the scheme from where it is named in words that are not a bank's own.
fn rail(kind: Kind, above: &Scope<'_>, scope: &Scope<'_>) -> Told<Rail> {
    let local = |scope: &Scope<'_>| {
        let code = scope.told(&["PmtTpInf", "LclInstrm", "Cd"]);
        code.or(scope.told(&["PmtTpInf", "LclInstrm", "Prtry"]))
    };
    let local = local(scope).or(local(above)).then(|name| named(&name));
    match kind {
        Kind::Initiation => local,
        Kind::Interbank => {
            let clearing = above.told(&["SttlmInf", "ClrSys", "Cd"]);
            clearing.or(above.told(&["SttlmInf", "ClrSys", "Prtry"])).then(|n| named(&n)).or(local)
        }
    }
}

fn named(name: &str) -> Stated<Rail> {
    let name = name.strip_prefix("UK.OBIE.").unwrap_or(name);
    match name {
        "FPS" => Stated::Is(Rail::FasterPayments),
        "CHAPS" => Stated::Is(Rail::Chaps),
        "BACS" => Stated::Is(Rail::Bacs),
        // A code of another country or of one bank says nothing here.
        _ => Stated::Absent,
    }
}

fn party(scope: &Scope<'_>, [party, account, agent]: [&str; 3]) -> Party {
    Party { name: scope.told(&[party, "Nm"]), account: self::account(scope, account, agent) }
}

/// Reads an account: an IBAN, or a number of an account at a bank that the order names.
fn account(scope: &Scope<'_>, account: &str, agent: &str) -> Told<AccountAs> {
    let iban = scope.told(&[account, "Id", "IBAN"]);
    let number = scope.told(&[account, "Id", "Othr", "Id"]);
    let number = match (&iban.stated, number.stated) {
        (Stated::Absent, Stated::Absent) => return Told::absent(scope.path(&[account])),
        (Stated::Absent, Stated::Is(number)) => number,
        (Stated::Absent, Stated::Faulty(expected)) => {
            return Told { path: number.path, stated: Stated::Faulty(expected) };
        }
        (Stated::Faulty(_), _) | (_, Stated::Absent) => {
            return iban.then(|iban| Stated::Is(AccountAs::Iban(iban)));
        }
        (Stated::Is(_), Stated::Is(_) | Stated::Faulty(_)) => {
            return Told::faulty(scope.path(&[account, "Id"]), "an IBAN or another id, not both");
        }
    };
    let path = number_path(scope, account);
    let uk = |sort_code: &str, sort_code_path: &str, number: &str| {
        Stated::Is(AccountAs::Uk {
            sort_code: sort_code.into(),
            sort_code_path: sort_code_path.into(),
            number: number.into(),
        })
    };
    let member = [agent, "FinInstnId", "ClrSysMmbId"];
    let system = scope.told(&[&member[..], &["ClrSysId", "Cd"]].concat());
    let sort_code = scope.told(&[&member[..], &["MmbId"]].concat());
    let british = system.is().is_some_and(|system| &**system == "GBDSC");
    let whole = whole(&number);
    let stated = match (sort_code.is().filter(|_| british), whole) {
        // The number may begin with the sort code all the same.
        (Some(sort_code_told), Some((own, short))) if own == &**sort_code_told => {
            uk(own, &sort_code.path, short)
        }
        (Some(sort_code_told), _) => uk(sort_code_told, &sort_code.path, &number),
        (None, Some((own, short))) if british_account(scope, account, agent, &number) => {
            uk(own, &path, short)
        }
        (None, _) => Stated::Is(AccountAs::Number(number)),
    };
    Told { path: path.into(), stated }
}

fn number_path(scope: &Scope<'_>, account: &str) -> String {
    scope.path(&[account, "Id", "Othr", "Id"])
}

/// Parts a number that begins with a sort code: 14 digits, or 6 and 8 with a hyphen between them.
fn whole(number: &str) -> Option<(&str, &str)> {
    let (sort_code, short) = number.split_once('-').or_else(|| number.split_at_checked(6))?;
    let digits =
        |text: &str, count| text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    (digits(sort_code, 6) && digits(short, 8)).then_some((sort_code, short))
}

/// Tells whether a number of 14 digits is one of a British account: because it says so, is written
/// as one, is kept by a bank in the United Kingdom, or is to be paid pounds without a word of which
/// bank keeps it.
fn british_account(scope: &Scope<'_>, account: &str, agent: &str, number: &str) -> bool {
    let scheme = scope.told(&[account, "Id", "Othr", "SchmeNm", "Prtry"]);
    let says_so = scheme.is().is_some_and(|scheme| {
        scheme.strip_prefix("UK.OBIE.").unwrap_or(scheme) == "SortCodeAccountNumber"
    });
    let bank = scope.told(&[agent, "FinInstnId", "BICFI"]);
    let bank = bank.or(scope.told(&[agent, "FinInstnId", "BIC"]));
    let kept_here = bank.is().is_some_and(|bank| bank.get(4..6) == Some("GB"));
    let domestic = || {
        let (_, currency) = amount(Kind::Initiation, scope);
        let pounds = currency.is().is_some_and(|currency| &**currency == "GBP");
        pounds && matches!(scope.child(agent), Ok(None))
    };
    says_so || kept_here || number.contains('-') || domestic()
}

fn reference(scope: &Scope<'_>) -> (Told<Box<str>>, Vec<Box<str>>) {
    let place = ["RmtInf", "Strd", "CdtrRefInf", "Ref"];
    let structured = match scope.child("RmtInf") {
        Err(twice) => return (Told::faulty(twice, ONCE), Vec::new()),
        Ok(None) => return (Told::absent(scope.path(&place)), Vec::new()),
        Ok(Some(remittance)) => remittance.each("Strd").collect::<Vec<_>>(),
    };
    let told = structured.iter().map(|part| part.told(&["CdtrRefInf", "Ref"]));
    let mut told = told.filter(|told| told.stated != Stated::Absent);
    let first = told.next().unwrap_or_else(|| Told::absent(scope.path(&place)));
    (first, told.map(|told| told.path).collect())
}

fn remittance(scope: &Scope<'_>) -> (Told<Box<str>>, Vec<Box<str>>) {
    let absent = Told::absent(scope.path(&["RmtInf", "Ustrd"]));
    // What stands twice was noted with the reference.
    let Ok(Some(remittance)) = scope.child("RmtInf") else { return (absent, Vec::new()) };
    let mut parts: Vec<Told<Box<str>>> = remittance.each("Ustrd").map(Scope::text).collect();
    for structured in remittance.each("Strd") {
        parts.extend(structured.each("AddtlRmtInf").map(Scope::text));
    }
    let mut parts = parts.into_iter();
    let Some(mut whole) = parts.next() else { return (absent, Vec::new()) };
    let mut left = Vec::new();
    for part in parts {
        let (Stated::Is(text), Stated::Is(more)) = (&mut whole.stated, &part.stated) else {
            left.push(part.path);
            continue;
        };
        let chars = text.chars().count().saturating_add(more.chars().count());
        if chars < REMITTANCE_CHARS_MAX {
            *text = format!("{text}\n{more}").into();
        } else {
            left.push(part.path);
        }
    }
    (whole, left)
}

const ONCE: &str = "one such element";
const TEXT: &str = "a text";

/// Most characters of all remittance texts together: as many as the standard has in one of them.
const REMITTANCE_CHARS_MAX: usize = 140;
