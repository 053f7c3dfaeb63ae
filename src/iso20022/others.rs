//! Others: messages that others wrote, and what is read of them.

use crate::iso20022::Kind::{Initiation, Interbank};
use crate::iso20022::tests::{account, read_text, text};
use crate::iso20022::{Kind, Order};
use crate::transfer::Rail;

const PYISO20022: &str = include_str!("../../tests/iso20022/pyiso20022.pain.001.001.08.xml");
const ISO20022JS: &str = include_str!("../../tests/iso20022/iso20022js.pain.001.001.03.xml");
const PROWIDE: &str = include_str!("../../tests/iso20022/prowide.pacs.008.001.07.xml");
const MOOV: &str = include_str!("../../tests/iso20022/moov.pain.001.001.03.xml");
const FASTER: &str = include_str!("../../tests/iso20022/uk-faster-payment.pain.001.001.09.xml");
const CHAPS: &str = include_str!("../../tests/iso20022/uk-chaps.pain.001.001.03.xml");
pub(crate) const CHAPS_INTERBANK: &str =
    include_str!("../../tests/iso20022/uk-chaps.pacs.008.001.08.xml");

/// Checks of each order: end-to-end id, amount, payer's account, payee's account, payee, reference,
/// remittance.
#[track_caller]
fn check(message: &str, kind: Kind, version: u8, want: &[[&str; 7]]) {
    let message = read_text(message);
    assert_eq!((message.kind, message.version), (kind, version));
    let facts = |order: &Order| {
        [
            text(&order.end_to_end_id).to_owned(),
            format!("{} {}", text(&order.currency), text(&order.amount)),
            account(&order.payer.account),
            account(&order.payee.account),
            text(&order.payee.name).to_owned(),
            text(&order.reference).to_owned(),
            text(&order.remittance).to_owned(),
        ]
    };
    let got: Vec<_> = message.orders.iter().map(facts).collect();
    assert_eq!(got, want);
}

#[test]
fn numbers_of_accounts_without_their_banks() {
    let remittance = "USD Payment from USD account";
    let (from, to) = ("number 50000970", "number 12345678");
    let name = "Creditor account name";
    check(PYISO20022, Initiation, 8, &[["test-160620", "GBP 10", from, to, name, "", remittance]]);
}

#[test]
fn two_payers_in_one_message() {
    let id = "d6ecf0cb-e0c3-4fe9-8f21-45464fde659";
    let order = |payer| [id, "EUR 10.00", payer, "ES8201822200150201504058", "Dáel Muñiz", "", ""];
    let payers = ["ES9121000418450200051332", "ES9121000418450200051333"];
    check(ISO20022JS, Initiation, 3, &payers.map(order));
}

#[test]
fn an_interbank_order_without_accounts_in_an_envelope_of_no_namespace() {
    let order = ["223423423", "USD 5000", "none", "none", "Mike Smith", "", ""];
    check(PROWIDE, Interbank, 7, &[order]);
}

#[test]
fn an_order_in_another_language() {
    let remittance = "Apmokama saskaita-faktura Nr. 1";
    let (from, to) = ("LT007180000000000000", "LT007400000000000000");
    let order = ["EndToEndId0001", "EUR 99.99", from, to, "IMONE Z", "", remittance];
    check(MOOV, Initiation, 3, &[order]);
}

#[test]
fn faster_payments_by_iban_and_by_a_domestic_number() {
    let payer = "GB29NWBK60161331926819";
    let (one, other) = ("GB33BUKB20201555555555", "202017 55555555");
    let (reference, more) = ("TIMBER OCT", "less the pallets");
    check(
        FASTER,
        Initiation,
        9,
        &[
            ["", "GBP 1.00", payer, one, "O'Brien & Daughters", "", "INV 4711"],
            ["E-2", "GBP 2.00", payer, other, "Sheerness Timber", reference, more],
        ],
    );
}

#[test]
fn a_house_is_paid_for_by_customer_and_by_bank() {
    let order = |payer, reference| {
        let name = "Whitfield Solicitors Client Account";
        let id = "COMPLETION 12 MILL LANE";
        [id, "GBP 285000.00", payer, "309634 00415678", name, reference, ""]
    };
    check(CHAPS, Initiation, 3, &[order("601613 31926819", "")]);
    check(CHAPS_INTERBANK, Interbank, 8, &[order("GB29NWBK60161331926819", "MILL LANE")]);
    for message in [CHAPS, CHAPS_INTERBANK] {
        assert_eq!(read_text(message).orders[0].rail.is(), Some(&Rail::Chaps));
    }
}
