//! Words: names that people and businesses have, and what is typed where somebody is deceived.

use crate::life::script::Script;

pub(crate) const FIRST_NAMES: &[&str] = &[
    "Amelia",
    "Oliver",
    "Priya",
    "George",
    "Fatima",
    "Harry",
    "Isla",
    "Mohammed",
    "Grace",
    "Jack",
    "Sioned",
    "Arthur",
    "Chloe",
    "Dev",
    "Emily",
    "Callum",
    "Zara",
    "Thomas",
    "Margaret",
    "David",
    "Jean",
    "Peter",
    "Susan",
    "Wei",
    "Agnieszka",
    "Daniel",
    "Patricia",
    "Kwame",
    "Rhys",
    "Eleanor",
    "Ahmed",
    "Rachel",
    "Stephen",
    "Maureen",
    "Ian",
    "Joan",
    "Liam",
    "Nadia",
    "Robert",
    "Hannah",
];

pub(crate) const SURNAMES: &[&str] = &[
    "Smith",
    "Jones",
    "Patel",
    "Williams",
    "Taylor",
    "Khan",
    "Davies",
    "Evans",
    "Begum",
    "Bailey",
    "Thomas",
    "Johnson",
    "Ahmed",
    "Roberts",
    "Walker",
    "Singh",
    "Wright",
    "Robinson",
    "Hussain",
    "Thompson",
    "White",
    "Hughes",
    "Edwards",
    "Green",
    "Lewis",
    "Wood",
    "Harris",
    "Martin",
    "Ali",
    "Jackson",
    "Clarke",
    "Clark",
    "Turner",
    "Hill",
    "Scott",
    "Cooper",
    "Morris",
    "Ward",
    "Moore",
    "Okafor",
    "King",
    "Watson",
    "Baker",
    "Harrison",
    "Morgan",
    "Kowalska",
    "Court",
    "Wilson",
    "Legge",
    "Fine",
    "Constable",
    "Marshall",
    "Sergeant",
    "Price",
    "Ellis",
    "Chen",
    "Murphy",
    "Bond",
    "Lam",
];

pub(crate) const PLACES: &[&str] = &[
    "Ashford",
    "Barnsley",
    "Camden",
    "Dorset",
    "Exeter",
    "Farnham",
    "Gwent",
    "Harrogate",
    "Ipswich",
    "Jarrow",
    "Kendal",
    "Leeds",
    "Malvern",
    "Norwich",
    "Oakham",
    "Perth",
    "Ripon",
    "Stirling",
    "Thanet",
    "Ullswater",
    "Ventnor",
    "Wrexham",
    "York",
    "Hampton Court",
    "Earls Court",
    "Severn",
    "Solent",
];

pub(crate) const TRADES: &[&str] = &[
    "Roofing",
    "Plumbing",
    "Gardens",
    "Joinery",
    "Electrical",
    "Cleaning",
    "Kitchens",
    "Heating",
    "Plastering",
    "Decorating",
    "Windows",
    "and Sons Builders",
    "Tuition",
    "Pet Care",
];

pub(crate) const COMPANIES: &[&str] = &[
    "Events Ltd",
    "Supplies Ltd",
    "Catering",
    "Services Ltd",
    "Holidays",
    "Wholesale Ltd",
    "Media Ltd",
    "Vets",
    "Flowers",
    "Logistics Ltd",
    "Print",
    "Cottages",
    "Safe Storage Ltd",
];

pub(crate) const BODIES: &[&str] =
    &["Swimming Club", "Scouts", "Tennis Court", "Choir", "Juniors FC"];
pub(crate) const COUNCILS: &[&str] =
    &["Borough Council", "City Council", "Council", "County Council"];

pub(crate) const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// References that a coached payer is told to type, and that anybody types.
pub(crate) const BLAND: &[&str] = &[
    "family",
    "{s}",
    "personal",
    "thanks",
    "house",
    "savings",
    "car",
    "gift",
    "{m}",
    "building work",
    "for {f}",
    "holiday",
    "furniture",
    "{n}",
    "transfer",
    "wedding",
    "help",
    "repayment",
    "deposit",
];

/// What a coached payer tells the bank it is for.
pub(crate) const COVERS: &[&str] = &[
    "money for my son",
    "building work at home",
    "buying a car",
    "my granddaughters wedding",
    "a holiday",
    "paying back a friend",
    "moving to my other account",
    "new kitchen",
    "family",
    "gift for my niece",
];

/// The bank's codes of purposes that a coached payer picks.
pub(crate) const COVER_CODES: &[&str] =
    &["friends_family", "building_work", "goods_services", "own_account", "gift"];

/// Returns what a payer types who was not coached in it: references, and what they tell the bank.
#[expect(clippy::too_many_lines, reason = "a table of words, two lists a script")]
pub(crate) const fn telling(script: Script) -> (&'static [&'static str], &'static [&'static str]) {
    match script {
        Script::PoliceLegalFee => (
            &[
                "legal advice",
                "legal advice fee",
                "solicitor fee",
                "warrant",
                "legal costs {n}",
                "police legal fee",
                "court costs",
                "LEGAL ADVICE REFUND",
            ],
            &[
                "legal advice, i get it back by cheque tomorrow",
                "a solicitor, there is a warrant in my name",
                "court costs that the police will refund",
                "the officer said to pay the legal fee today",
            ],
        ),
        Script::PoliceSafeAccount => (
            &[
                "safe account",
                "police account",
                "holding account",
                "secure account",
                "safeguard 1",
                "police safe acct",
                "protect savings",
            ],
            &[
                "moving my money to a safe account for the police",
                "the police are keeping it safe",
                "my account is under attack, holding account",
            ],
        ),
        Script::PoliceInvestigation => (
            &[
                "investigation",
                "NCA case {n}",
                "police op {n}",
                "bait payment",
                "case {n} police",
                "evidence",
            ],
            &[
                "to help the police with an investigation, returned afterwards",
                "confidential police operation, cannot say",
                "helping the nca catch bank staff",
            ],
        ),
        Script::ClonedCard => (
            &["cloned card", "card fraud {n}", "police ref {n}", "fraud case", "det sgt {s}"],
            &[
                "someone was arrested with my card, police asked me to move it",
                "card was cloned, police account",
            ],
        ),
        Script::BailDeposit => (
            &[
                "bail",
                "bail money",
                "security deposit",
                "bail bond {n}",
                "embassy case",
                "surety {s}",
            ],
            &[
                "bail, returned after the investigation",
                "security deposit for the police, must stay secret",
                "bail for my son who was arrested",
            ],
        ),
        Script::AgencyChain => (
            &[
                "crime agency",
                "NCA {n}",
                "hmrc police",
                "asset check",
                "verification {n}",
                "refund tomorrow",
            ],
            &[
                "crime agency checks my money and returns it tomorrow",
                "asset verification by the police",
            ],
        ),
        Script::BankSafeAccount => (
            &[
                "safe account",
                "new account",
                "fraud team",
                "secure acct {n}",
                "bank safe acc",
                "protect acc",
            ],
            &[
                "the bank fraud team told me to move it to a safe account",
                "my account was hacked, safe account",
            ],
        ),
        Script::CourierTopUp => (
            &[
                "police evidence",
                "withdrawal police",
                "counterfeit check",
                "courier",
                "for officer",
            ],
            &[
                "police need the notes for counterfeit checks",
                "to draw it out for the police courier",
            ],
        ),
        Script::TaxArrest => (
            &[
                "HMRC arrest",
                "tax bill urgent",
                "tax warrant",
                "hmrc fine {n}",
                "unpaid tax",
                "tax lawyer fee",
            ],
            &["hmrc will arrest me if i do not pay today", "tax debt, there is a warrant out"],
        ),
        Script::TechSupport => (
            &[
                "refund error",
                "microsoft supp",
                "security software",
                "internet refund",
                "hacker removal",
            ],
            &[
                "they refunded me too much and i send it back",
                "computer support fixed my hacked internet",
            ],
        ),
        Script::RegulatorRecovery => (
            &["fca recovery", "release fee", "recovery fee", "action fraud fee", "wallet recovery"],
            &[
                "fee to recover the money i lost, refunded after",
                "the fca found my lost investment",
            ],
        ),
        Script::RelativeInNeed => (
            &["mum its me", "new phone", "rent for {f}", "urgent bill", "help {f}"],
            &["my daughter has a new number and an urgent bill", "son asked by message"],
        ),
        Script::Purchase => (
            &["iphone", "puppy", "ps5", "holiday let", "fb marketplace", "campervan", "tickets"],
            &["bought from an advert", "puppy deposit", "concert tickets online"],
        ),
        Script::InvestmentScam => (
            &["trading acc {n}", "bitcoin", "invest", "bond {n}", "wallet top up", "forex"],
            &["crypto investment with my adviser", "trading platform, guaranteed return"],
        ),
        Script::Romance => (
            &["love you x", "flight to see u", "hospital bill", "visa fee", "for {f} x"],
            &["my partner abroad needs a flight", "hospital bill for someone i met online"],
        ),
        Script::AdvanceFee => (
            &["loan fee", "release fee", "customs fee", "insurance fee", "prize tax"],
            &["fee before my loan is paid out", "customs for a parcel", "tax on a prize"],
        ),
        Script::InvoiceRedirected => (
            &["inv {n}", "invoice {n}", "{s} {n}", "stage {n}", "new bank details"],
            &["invoice, they changed their bank details", "supplier invoice"],
        ),
        Script::HeadOfBusiness => (
            &["inv {n} urgent", "acquisition", "director loan", "confidential", "supplier {n}"],
            &["the director asked for it by email", "confidential deal for the ceo"],
        ),
    }
}
