//! Fields: the paths of everything that a request may state.
//!
//! Telemetry counts dropped facts by them, so there are as many as the proto has and no more.

use prost_reflect::{DescriptorPool, Kind, MessageDescriptor};

use crate::grpc::DESCRIPTORS;

/// Returns the path of every field of a question, without the numbers of list items, sorted; none
/// where the proto cannot be read.
pub fn fields() -> Vec<String> {
    let pool = DescriptorPool::decode(DESCRIPTORS).unwrap_or_default();
    let mut paths = vec![TIMEOUT.to_owned()];
    if let Some(message) = pool.get_message_by_name(REQUEST) {
        below(&message, "", &mut paths);
    }
    paths.sort();
    paths.dedup();
    paths
}

fn below(message: &MessageDescriptor, path: &str, paths: &mut Vec<String>) {
    for field in message.fields() {
        let name = field.name();
        let own = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        if let Kind::Message(inner) = field.kind()
            && inner.full_name().starts_with(OURS)
            && own.split('.').count() < DEPTH_MAX
        {
            below(&inner, &own, paths);
        }
        paths.push(own);
    }
}

const REQUEST: &str = "clearline.screening.v1.ScreenTransferRequest";
const OURS: &str = "clearline.";
/// A field of a question in a stream.
const TIMEOUT: &str = "timeout";
/// The deepest one has five parts; a message that holds itself would have no end.
const DEPTH_MAX: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fact_has_a_path_and_no_list_item_a_number() {
        let fields = fields();
        for path in [
            "timeout",
            "continues",
            "transfer.uetr",
            "transfer.payee.add_time",
            "transfer.session.call",
            "transfer.initiation.risk.merchant_category_code",
            "answers",
        ] {
            assert!(fields.iter().any(|field| field == path), "{path}: {fields:#?}");
        }
        assert!(fields.is_sorted() && fields.len() < 300, "{}", fields.len());
        assert!(fields.iter().all(|field| !field.contains('[') && field.len() <= 64));
    }
}
