//! Kind: the honest payments that people make: who makes them, to whom, and what people type.

use crate::life::payee::Sort;
use crate::life::person::Customer;
use crate::records::pb::honest::Cohort;

/// Declares the kinds: name in the parameters, cohort, sort of payee, who makes them, the bank's code of
/// their purpose, references. In references `{s}` is the payer's surname, `{f}` the payee's first word,
/// `{n}` a number and `{m}` the month.
macro_rules! kinds {
    ($($kind:ident $name:literal $cohort:ident $sort:ident $who:ident $code:literal $texts:expr,)*) => {
        /// A kind of honest payment.
        #[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
        pub(crate) enum Kind {
            #[default]
            $($kind,)*
        }

        /// All kinds, in the order of the parameters.
        pub(crate) const ALL: &[Kind] = &[$(Kind::$kind,)*];

        impl Kind {
            /// Returns its name in the parameters and in labels.
            pub(crate) const fn name(self) -> &'static str {
                match self { $(Self::$kind => $name,)* }
            }

            pub(crate) const fn cohort(self) -> Cohort {
                match self { $(Self::$kind => Cohort::$cohort,)* }
            }

            pub(crate) const fn sort(self) -> Sort {
                match self { $(Self::$kind => Sort::$sort,)* }
            }

            pub(crate) const fn who(self) -> Who {
                match self { $(Self::$kind => Who::$who,)* }
            }

            /// Returns the bank's code of the purpose that an honest payer picks.
            pub(crate) const fn code(self) -> &'static str {
                match self { $(Self::$kind => $code,)* }
            }

            pub(crate) const fn references(self) -> &'static [&'static str] {
                match self { $(Self::$kind => &$texts,)* }
            }
        }
    };
}

kinds! {
    Rent "rent" Everyday Landlord Person "bills" ["rent", "Rent {m}", "{s} rent", "flat {n} rent", "RENT {n}"],
    Bills "bills" Everyday Biller Person "bills" ["{n}", "{s} {n}", "acc {n}", "A/C {n}", "bill {m}"],
    OwnSavings "own_savings" Everyday Own Person "own_account" ["savings", "rainy day", "{s}", "holiday pot", "to isa", "monthly save"],
    Friends "friends" Everyday Friend Person "friends_family" ["thanks x", "dinner", "drinks fri", "pizza", "taxi share", "tickets", "bday pressie", "lunch", "gig {m}", "petrol money", "curry night", "for sat", "cheers {f}", "ta"],
    Clubs "clubs" Everyday Club Person "bills" ["subs {m}", "{s} swimming", "u9s football", "scouts {s}", "tennis court", "choir {m}", "brownies", "gym {n}"],
    Traders "traders" Everyday Trader Person "goods_services" ["window cleaning", "garden {m}", "piano lesson", "mowing", "cleaner", "dog walks", "mot", "invoice {n}", "inv {n}", "driving lesson"],
    Marketplace "marketplace" Everyday Stranger Person "goods_services" ["sofa", "bike", "pram", "fb marketplace", "table + chairs", "lego", "tv", "fridge {s}", "guitar"],
    CharityGift "charity_gift" Everyday Charity Person "gift" ["donation", "in memory", "appeal {n}", "gift aid {s}", "sponsor {f}", "raffle"],
    CardBill "card_bill" Everyday Biller Person "bills" ["{n}{n}", "card {n}", "credit card"],
    Council "council" Everyday Council Person "bills" ["{n}", "ctax {n}", "council tax {m}", "garden bin {n}", "permit {s}"],
    FamilyHelp "family_help" Everyday Friend Person "friends_family" ["love mum", "from dad", "pocket money", "uni shop", "for the kids", "help with rent", "food shop x"],
    RefundFriend "refund_friend" Everyday Friend Person "friends_family" ["refund tickets", "paying you back", "owe you", "refund deposit", "cheque money back", "returned {m}"],
    Holiday "holiday" Everyday Company Person "goods_services" ["holiday balance", "cottage {n}", "villa deposit", "booking {n}", "ski {m}", "caravan {s}"],
    SchoolFees "school_fees" Everyday School Person "education" ["{s} fees", "school trip", "dinner money", "yr {n} trip", "{s} {m} term", "nursery {m}"],
    Completion "completion" Completion Conveyancer Person "property" ["{s} {n}", "completion {n}", "{s} purchase", "ref {n}", "our house", "balance {n}"],
    Legal "legal" Legal Solicitor Person "legal_services" ["legal fees {n}", "inv {n}", "{s} {n}", "solicitor bill", "will {s}", "on account {n}", "counsel fee"],
    Tax "tax" CourtsAndTax Hmrc Person "tax" ["{n}{n}k", "self assessment", "{n}{n}K", "tax {m}", "penalty {n}"],
    Court "court" CourtsAndTax Court Person "tax" ["{n}{n}", "fine {n}", "claim {n}", "court fee", "case {n}", "divorce fee"],
    PoliceBody "police_body" CourtsAndTax PoliceBody Person "goods_services" ["course {n}", "cert {n}", "speed course", "{s} {n}", "licence {n}"],
    Builder "builder" Builder Builder Person "building_work" ["kitchen deposit", "extension {s}", "roof", "stage {n}", "inv {n}", "bathroom bal", "builder {m}", "loft", "urgent roof"],
    Car "car" Car Seller Person "goods_services" ["car", "car {s}", "van", "{n} golf", "deposit car", "vehicle {n}", "motorbike"],
    Wedding "wedding" Wedding Company Person "goods_services" ["wedding {s}", "catering", "venue balance", "photos {m}", "flowers", "band deposit", "{s} wedding {n}"],
    OwnNewAccount "own_new_account" OwnNewAccount Own Person "own_account" ["new account", "my savings", "{s}", "isa", "to my new acc", "transfer", "better rate", "switch"],
    TenantMove "tenant_move" Move Agent Person "property" ["deposit {n}", "tenancy deposit", "holding deposit", "first months rent", "flat {n} {s}", "security deposit"],
    Investment "investment" Investment Broker Person "investment" ["{n}", "sipp {n}", "isa {n}", "invest {m}", "{s} {n}", "bond {n}"],
    Crypto "crypto" Investment Exchange Person "investment" ["{n}{n}", "ref {n}", "{s}", "btc"],
    FamilyGift "family_gift" Family Friend Person "friends_family" ["house deposit", "gift", "love mum + dad", "for the house", "loan", "happy birthday", "inheritance"],
    Estate "estate" Family Friend Person "friends_family" ["estate {s}", "executor", "nans money", "share of estate", "probate {s}"],
    Funeral "funeral" Family Company Person "goods_services" ["funeral {s}", "inv {n}", "{s} funeral", "flowers + cars"],
    Emergency "emergency" Everyday Trader Person "goods_services" ["vet {s}", "boiler urgent", "emergency plumber", "locksmith", "inv {n}", "call out", "urgent repair"],
    Tuition "tuition" Student University Student "education" ["{n}{n}", "tuition {n}", "fees {s}", "student {n}"],
    Halls "halls" Student Halls Student "education" ["{n}", "halls {m}", "accom {n}", "room {n} rent"],
    Supplier "supplier" SoleTrader Supplier Trade "goods_services" ["inv {n}", "{n}", "INV{n}", "order {n}", "materials", "{s} {m}"],
    Payroll "payroll" SoleTrader Employee Trade "salary" ["wages", "salary {m}", "wages wk {n}", "pay {m}"],
    Vat "vat" SoleTrader Hmrc Trade "tax" ["{n}{n}", "vat {m}", "paye {n}", "{n}PA{n}"],
    Grant "grant" Charity Charity Charity "gift" ["grant {n}", "bursary {s}", "expenses", "hall hire", "{m} grant", "volunteer exp"],
}

/// Who makes payments of a kind.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Who {
    /// People, students included.
    Person,
    /// Students.
    Student,
    /// Sole traders and companies; charities pay suppliers and staff as well.
    Trade,
    /// Charities.
    Charity,
}

impl Kind {
    /// Tells whether such a customer makes such payments.
    pub(crate) fn of(self, customer: Customer) -> bool {
        let business = matches!(customer, Customer::Company | Customer::Charity);
        match self.who() {
            Who::Person => !business,
            Who::Student => customer == Customer::Student,
            Who::Trade => business || customer == Customer::SoleTrader,
            Who::Charity => customer == Customer::Charity,
        }
    }

    /// Tells whether it is made every month, on a day of its own.
    pub(crate) const fn monthly(self) -> bool {
        matches!(self, Self::Rent | Self::Bills | Self::OwnSavings | Self::Payroll)
    }

    /// Tells whether what is missing may come from a loan.
    pub(crate) const fn lent(self) -> bool {
        matches!(self, Self::Builder | Self::Car | Self::Wedding | Self::FamilyGift)
    }

    /// Tells whether people have saved up for it, so that it is paid whole or not at all.
    pub(crate) const fn saved_for(self) -> bool {
        matches!(
            self,
            Self::Completion
                | Self::Legal
                | Self::Tax
                | Self::Court
                | Self::Builder
                | Self::Car
                | Self::Wedding
                | Self::TenantMove
                | Self::FamilyGift
                | Self::Estate
                | Self::Funeral
                | Self::Emergency
                | Self::Tuition
                | Self::Vat
        )
    }
}
