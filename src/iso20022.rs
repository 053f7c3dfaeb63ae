//! Iso20022: messages that order credit transfers, pain.001 and pacs.008, and what they state.
//!
//! A message is told by the namespace of its `Document`, whatever prefix it has and whatever envelope
//! it came in; one that is not read is refused and never taken for another. Each credit transfer in
//! it becomes an [`Order`] of its own, in the message's order: texts as they stand, each with the
//! path of its element, so that whoever reads them further can name what is at fault. What a level
//! above states, such as the payer, holds for every order below it.
//!
//! An element that may stand once and stands twice is faulty and neither is taken. Elements that
//! nobody here has a use for are passed over, and `deploy/iso20022.md` lists them.
//!
//! Never checks a message against its schema, and never judges what a text holds: that is done where
//! every other request is read.

mod order;
#[cfg(test)]
mod others;
#[cfg(test)]
mod refused;
#[cfg(test)]
mod tests;
mod xml;

pub use order::{AccountAs, Order, Party, Stated, Told};
pub use xml::{ATTRIBUTES_MAX, DEPTH_MAX, ELEMENTS_MAX, Fault, MESSAGE_BYTES_MAX, ReadError};

use std::rc::Rc;

use crate::iso20022::order::Scope;
use crate::iso20022::xml::Element;

/// A message, taken apart.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Message {
    /// Which message it is.
    pub kind: Kind,
    /// Its version, such as 9 for `pain.001.001.09`.
    pub version: u8,
    /// Its own id (`GrpHdr/MsgId`).
    pub id: Told<Box<str>>,
    /// Each credit transfer in it, 1 to [`ORDERS_MAX`].
    pub orders: Vec<Order>,
}

/// The messages that are read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// A customer orders credit transfers of the own bank: `pain.001`.
    Initiation,
    /// A bank orders a credit transfer of another bank for a customer: `pacs.008`.
    Interbank,
}

impl Kind {
    /// Returns the element that `Document` must hold.
    const fn content(self) -> &'static str {
        match self {
            Self::Initiation => "CstmrCdtTrfInitn",
            Self::Interbank => "FIToFICstmrCdtTrf",
        }
    }

    /// Returns kind and version of a namespace; `None` for one that is not read.
    fn of(namespace: &str) -> Option<(Self, u8)> {
        let name = namespace.strip_prefix("urn:iso:std:iso:20022:tech:xsd:")?;
        let (name, version) = name.rsplit_once('.')?;
        let two_digits = version.len() == 2 && version.bytes().all(|byte| byte.is_ascii_digit());
        let version = version.parse().ok().filter(|_| two_digits)?;
        match name {
            "pain.001.001" if (3..=12).contains(&version) => Some((Self::Initiation, version)),
            "pacs.008.001" if (2..=13).contains(&version) => Some((Self::Interbank, version)),
            _ => None,
        }
    }
}

/// Reads a message from its bytes, or says where it is at fault as a whole.
///
/// A credit transfer that is at fault is still an [`Order`], which says so.
pub fn read(bytes: &[u8]) -> Result<Message, ReadError> {
    let root = xml::root(bytes)?;
    let document = document(&root)?;
    let refuse = |element: &Element, fault| Err(ReadError { at: element.at, fault });
    let Some(namespace) = &document.namespace else {
        return refuse(document, Fault::Namespace);
    };
    let Some((kind, version)) = Kind::of(namespace) else {
        return refuse(document, Fault::Namespace);
    };
    let mut contents = document.of(namespace, kind.content());
    let (Some(content), None) = (contents.next(), contents.next()) else {
        return refuse(document, Fault::Content);
    };
    let top = Scope::new(content, kind.content().to_owned());
    let header =
        top.child("GrpHdr").map_err(|_| ReadError { at: content.at, fault: Fault::Content })?;

    let mut found: Vec<(Scope<'_>, Scope<'_>)> = Vec::new();
    match kind {
        Kind::Interbank => {
            let above = header.clone().unwrap_or_else(|| top.clone());
            found.extend(top.each("CdtTrfTxInf").map(|order| (above.clone(), order)));
        }
        Kind::Initiation => {
            for above in top.each("PmtInf") {
                found.extend(above.each("CdtTrfTxInf").map(|order| (above.clone(), order)));
            }
        }
    }
    match found.len() {
        0 => refuse(content, Fault::NoOrder),
        count if ORDERS_MAX < count => refuse(content, Fault::TooManyOrders),
        _ => {
            let id = header.as_ref().unwrap_or(&top).told(&["MsgId"]);
            let orders = found.iter().map(|(above, order)| order::order(kind, above, order));
            Ok(Message { kind, version, id, orders: orders.collect() })
        }
    }
}

/// Finds the only `Document`, as the root or in an envelope.
fn document(root: &Element) -> Result<&Element, ReadError> {
    let mut found = Vec::new();
    find(root, ENVELOPE_DEPTH_MAX, &mut found);
    match found.as_slice() {
        [document] => Ok(document),
        _ => Err(ReadError { at: root.at, fault: Fault::Document }),
    }
}

fn find<'a>(element: &'a Element, depth: usize, found: &mut Vec<&'a Element>) {
    if &*element.name == "Document" {
        found.push(element);
        return;
    }
    if let Some(depth) = depth.checked_sub(1) {
        element.children.iter().for_each(|child| find(child, depth, found));
    }
}

impl Element {
    /// Returns the elements in it of this namespace and name.
    fn of<'a>(&'a self, namespace: &'a Rc<str>, name: &'a str) -> impl Iterator<Item = &'a Self> {
        let own = |child: &&Self| child.namespace.as_ref() == Some(namespace);
        self.children.iter().filter(own).filter(move |child| &*child.name == name)
    }
}

/// Most credit transfers of a message. One with a name, an account and a text has 350 to 600 bytes
/// without any white space, so 64 KiB hold about as many; and as many answers, warnings included,
/// stay below the 4 MiB that clients take.
pub const ORDERS_MAX: usize = 128;

/// How many elements an envelope may put around `Document`: a transport's, its body, a payload and
/// one to spare.
const ENVELOPE_DEPTH_MAX: usize = 4;
