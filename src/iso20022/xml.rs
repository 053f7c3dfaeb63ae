//! Xml: bytes become a small tree of elements, or the first fault in them is named.
//!
//! Taken apart by `quick-xml`; what is ours are the bounds. A document type is refused wherever it
//! stands, so there are no entities but the five that XML itself has, nothing can grow and nothing
//! outside of the bytes is ever asked for. Size, depth, elements and attributes are counted before
//! anything is kept. What stands in comments and processing instructions is passed over.
//!
//! Never corrects: text that is not UTF-8, a tag that is not closed or a second root is a fault.

use std::fmt;
use std::rc::Rc;

use quick_xml::errors::Error;
use quick_xml::events::attributes::Attribute;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::name::ResolveResult;
use quick_xml::{NsReader, XmlVersion};

/// An element with all that stands in it.
#[derive(Clone, Debug)]
pub(crate) struct Element {
    /// Its name without a prefix.
    pub(crate) name: Box<str>,
    /// The namespace that its prefix, or the lack of one, stands for.
    pub(crate) namespace: Option<Rc<str>>,
    /// Its attribute `Ccy`, the only one that the messages we read have.
    pub(crate) currency: Option<Box<str>>,
    /// Its own text, without the white space around it.
    pub(crate) text: String,
    /// The elements in it, in their order.
    pub(crate) children: Vec<Element>,
    /// Where its tag ends, in bytes.
    pub(crate) at: usize,
}

/// Why bytes are no message, and where that shows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ReadError {
    /// Byte at which it shows, from 0.
    pub at: usize,
    /// What is wrong.
    pub fault: Fault,
}

/// What is wrong with a message as a whole.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fault {
    /// More than [`MESSAGE_BYTES_MAX`] bytes.
    TooLarge,
    /// Not UTF-8, or said to be something else.
    Encoding,
    /// A character that XML does not have.
    Character,
    /// Not well-formed: tags, quotes, comments or a second root.
    Form,
    /// Over before every tag is closed.
    Ended,
    /// A document type.
    DocumentType,
    /// An entity other than the five of XML itself.
    Entity,
    /// More than [`DEPTH_MAX`] elements in one another.
    TooDeep,
    /// More than [`ELEMENTS_MAX`] elements.
    TooManyElements,
    /// More than [`ATTRIBUTES_MAX`] attributes of one element, or more namespaces than the reader
    /// keeps.
    TooManyAttributes,
    /// Text beside elements.
    MixedText,
    /// No element `Document`, or more than one.
    Document,
    /// `Document` is of no namespace that is read.
    Namespace,
    /// What `Document` must hold is not there once.
    Content,
    /// No credit transfer.
    NoOrder,
    /// More than [`ORDERS_MAX`](super::ORDERS_MAX) credit transfers.
    TooManyOrders,
}

impl Fault {
    /// Returns what was expected, lower case and without a full stop.
    pub const fn expected(self) -> &'static str {
        match self {
            Self::TooLarge => "at most 65,536 bytes",
            Self::Encoding => "UTF-8, and nothing else in the XML declaration",
            Self::Character => "no character that XML does not have",
            Self::Form => "well-formed XML with one root",
            Self::Ended => "the end of every element",
            Self::DocumentType => "no document type",
            Self::Entity => "no entity but `lt`, `gt`, `amp`, `apos` and `quot`",
            Self::TooDeep => "at most 32 elements in one another",
            Self::TooManyElements => "at most 8,192 elements",
            Self::TooManyAttributes => "at most 32 attributes of an element",
            Self::MixedText => "no text beside elements",
            Self::Document => "one element `Document`",
            Self::Namespace => {
                "the namespace of pain.001.001.03 to .12 or of pacs.008.001.02 to .13"
            }
            Self::Content => {
                "one `CstmrCdtTrfInitn` in pain.001, one `FIToFICstmrCdtTrf` in pacs.008"
            }
            Self::NoOrder => "a `CdtTrfTxInf`",
            Self::TooManyOrders => "at most 128 `CdtTrfTxInf`",
        }
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "byte {}: expected {}", self.at, self.fault.expected())
    }
}

impl std::error::Error for ReadError {}

/// Reads the one root of `bytes`, with all that stands in it.
pub(crate) fn root(bytes: &[u8]) -> Result<Element, ReadError> {
    let refuse = |at, fault| Err(ReadError { at, fault });
    if MESSAGE_BYTES_MAX < bytes.len() {
        return refuse(MESSAGE_BYTES_MAX, Fault::TooLarge);
    }
    let whole = match std::str::from_utf8(bytes) {
        Ok(whole) => whole,
        Err(error) => return refuse(error.valid_up_to(), Fault::Encoding),
    };
    if let Some((at, _)) = whole.char_indices().find(|(_, c)| !is_xml(*c)) {
        return refuse(at, Fault::Character);
    }
    let text = whole.strip_prefix('\u{feff}').unwrap_or(whole);
    let skipped = whole.len().saturating_sub(text.len());

    let mut reader = NsReader::from_str(text);
    let config = reader.config_mut();
    config.expand_empty_elements = true;
    config.check_comments = true;
    let mut tree = Tree { first: true, ..Tree::default() };
    loop {
        let read = reader.read_resolved_event();
        let taken = match read {
            Ok((_, Event::Eof)) => break,
            Ok((namespace, event)) => tree.take(&namespace, event),
            Err(error) => Err(fault(&error)),
        };
        if let Err(fault) = taken {
            let at = reader.buffer_position().max(reader.error_position());
            return refuse(skipped.saturating_add(usize::try_from(at).unwrap_or(0)), fault);
        }
        let at = usize::try_from(reader.buffer_position()).unwrap_or(0);
        tree.at = skipped.saturating_add(at);
    }
    match tree.root {
        Some(root) if tree.open.is_empty() => Ok(root),
        _ => refuse(whole.len(), Fault::Ended),
    }
}

/// What was read so far.
#[derive(Debug, Default)]
struct Tree {
    /// Elements whose end was not read yet, the outermost first.
    open: Vec<Element>,
    root: Option<Element>,
    count: usize,
    /// Nothing was read before.
    first: bool,
    /// Where the part before ended.
    at: usize,
}

impl Tree {
    /// Takes the next part of the text.
    fn take(&mut self, namespace: &ResolveResult<'_>, event: Event<'_>) -> Result<(), Fault> {
        let first = std::mem::replace(&mut self.first, false);
        match event {
            Event::Start(start) => self.start(namespace, &start),
            Event::End(_) => self.end(),
            Event::Text(text) => self.text(&text.xml10_content()),
            Event::CData(text) if self.open.is_empty() => {
                drop(text);
                Err(Fault::Form)
            }
            Event::CData(text) => self.text(&text.xml10_content()),
            Event::GeneralRef(reference) => {
                let character = character(&reference)?;
                self.text(character.encode_utf8(&mut [0; 4]))
            }
            Event::Decl(declaration) => match declaration.encoding() {
                _ if !first => Err(Fault::Form),
                None => Ok(()),
                Some(Ok(name))
                    if ENCODINGS.iter().any(|known| name.eq_ignore_ascii_case(known)) =>
                {
                    Ok(())
                }
                Some(_) => Err(Fault::Encoding),
            },
            Event::DocType(_) => Err(Fault::DocumentType),
            Event::Comment(_) | Event::PI(_) | Event::Eof => Ok(()),
            // Empty elements are expanded.
            Event::Empty(_) => Err(Fault::Form),
        }
    }

    fn start(
        &mut self,
        namespace: &ResolveResult<'_>,
        start: &BytesStart<'_>,
    ) -> Result<(), Fault> {
        if self.open.is_empty() && self.root.is_some() {
            return Err(Fault::Form);
        }
        if DEPTH_MAX <= self.open.len() {
            return Err(Fault::TooDeep);
        }
        self.count = self.count.saturating_add(1);
        if ELEMENTS_MAX < self.count {
            return Err(Fault::TooManyElements);
        }
        let outer = self.open.last().and_then(|outer| outer.namespace.as_ref());
        let namespace = match namespace {
            ResolveResult::Unbound => None,
            ResolveResult::Bound(name) => match outer {
                Some(outer) if **outer == *name.into_inner() => Some(Rc::clone(outer)),
                _ => Some(Rc::from(name.into_inner())),
            },
            ResolveResult::Unknown(_) => return Err(Fault::Form),
        };
        let mut currency = None;
        for (number, attribute) in start.attributes().enumerate() {
            if ATTRIBUTES_MAX <= number {
                return Err(Fault::TooManyAttributes);
            }
            let attribute = attribute.map_err(|_| Fault::Form)?;
            let value = value(&attribute)?;
            if attribute.key.into_inner() == "Ccy" {
                currency = Some(value.trim_matches(WHITE).into());
            }
        }
        self.open.push(Element {
            name: start.local_name().into_inner().into(),
            namespace,
            currency,
            text: String::new(),
            children: Vec::new(),
            at: self.at,
        });
        Ok(())
    }

    fn end(&mut self) -> Result<(), Fault> {
        // INVARIANT: the reader refuses an end without a start, and one of another name.
        let Some(mut element) = self.open.pop() else { return Err(Fault::Form) };
        let text = element.text.trim_matches(WHITE);
        if !text.is_empty() && !element.children.is_empty() {
            return Err(Fault::MixedText);
        }
        if text.len() != element.text.len() {
            element.text = String::from(text);
        }
        match self.open.last_mut() {
            Some(outer) => outer.children.push(element),
            None => self.root = Some(element),
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), Fault> {
        match self.open.last_mut() {
            Some(element) => element.text.push_str(text),
            None if text.trim_matches(WHITE).is_empty() => {}
            None => return Err(Fault::Form),
        }
        Ok(())
    }
}

/// Returns the character that a reference stands for.
fn character(reference: &BytesRef<'_>) -> Result<char, Fault> {
    match reference.resolve_char_ref() {
        Ok(Some(character)) if is_xml(character) => Ok(character),
        Ok(Some(_)) => Err(Fault::Character),
        Err(_) => Err(Fault::Form),
        Ok(None) => match &**reference {
            "lt" => Ok('<'),
            "gt" => Ok('>'),
            "amp" => Ok('&'),
            "apos" => Ok('\''),
            "quot" => Ok('"'),
            _ => Err(Fault::Entity),
        },
    }
}

/// Returns the value of an attribute; most need nothing done.
fn value(attribute: &Attribute<'_>) -> Result<String, Fault> {
    if attribute.value.contains('<') {
        return Err(Fault::Form);
    }
    match attribute.normalized_value(XmlVersion::Explicit1_0) {
        Ok(value) if value.chars().all(is_xml) => Ok(value.into_owned()),
        Ok(_) => Err(Fault::Character),
        Err(_) => Err(Fault::Entity),
    }
}

fn fault(error: &Error) -> Fault {
    match error {
        Error::Namespace(_) => Fault::TooManyAttributes,
        Error::Escape(_) => Fault::Entity,
        Error::Encoding(_) => Fault::Encoding,
        _ => Fault::Form,
    }
}

/// Tells whether XML 1.0 has the character.
const fn is_xml(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..)
}

/// White space of XML; other kinds are text.
const WHITE: [char; 4] = [' ', '\t', '\n', '\r'];

/// The names that are UTF-8, or a part of it.
const ENCODINGS: [&str; 3] = ["utf-8", "utf8", "us-ascii"];

/// Most bytes of a message: as much as any message to the API may have.
pub const MESSAGE_BYTES_MAX: usize = 64 * 1024;

/// Most elements in one another. What is read lies at most 9 deep, the deepest seen in messages of
/// others at 13, and envelopes and supplementary data bring their own.
pub const DEPTH_MAX: usize = 32;

/// Most elements: as many as 64 KiB hold of the shortest with a letter in it, and several times as
/// many as of those with names of the standard.
pub const ELEMENTS_MAX: usize = 8_192;

/// Most attributes of an element: messages have at most three, and envelopes some namespaces.
pub const ATTRIBUTES_MAX: usize = 32;
