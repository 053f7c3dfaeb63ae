//! Tests of the lexicon: what texts mention, row by row.

use super::*;

fn lexicon() -> Lexicon {
    let mut draft = Draft::default();
    for (concept, phrase) in [
        (Concept::LegalAdvice, "legal advice"),
        (Concept::LegalAdvice, "legal"),
        (Concept::LegalAdvice, "legal advice fee"),
        (Concept::Bail, "bail"),
        (Concept::Warrant, "warrant"),
        (Concept::Warrant, "warrants"),
        (Concept::RefundPromise, "advice refund"),
    ] {
        draft.phrase(concept, phrase).unwrap();
    }
    draft.exception(Concept::LegalAdvice, "Legal & General").unwrap();
    draft.exception(Concept::Warrant, "share warrants").unwrap();
    draft.compile()
}

#[track_caller]
fn check(text: &str, want: &[(Concept, u32, u32)]) {
    let mut mentions = Vec::new();
    lexicon().mentions(Source::Reference, text, &mut mentions);
    let found: Vec<_> =
        mentions.iter().map(|found| (found.concept, found.from, found.until)).collect();
    assert_eq!(found, want, "{text:?}");
}

#[test]
fn phrases_are_whole_words_in_a_row() {
    check("", &[]);
    check("rent for May", &[]);
    check("BAIL", &[(Concept::Bail, 0, 4)]);
    check("Bailey", &[]);
    check("bailiff", &[]);
    check("for bail, please", &[(Concept::Bail, 4, 8)]);
    check("advice legal", &[(Concept::LegalAdvice, 7, 12)]);
}

#[test]
fn the_longest_phrase_of_a_concept_stands_for_the_shorter_ones() {
    check("Legal-Advice", &[(Concept::LegalAdvice, 0, 12)]);
    check("legal advice fee 3", &[(Concept::LegalAdvice, 0, 16)]);
    check("legal x advice", &[(Concept::LegalAdvice, 0, 5)]);
}

#[test]
fn concepts_may_overlap() {
    check("legal advice refund", &[(Concept::LegalAdvice, 0, 12), (Concept::RefundPromise, 6, 19)]);
}

#[test]
fn what_lies_inside_an_exception_is_not_meant() {
    check("Legal & General", &[]);
    check("legal general legal", &[(Concept::LegalAdvice, 14, 19)]);
    check("share warrants", &[]);
    check("warrants share", &[(Concept::Warrant, 0, 8)]);
    check("share warrants bail", &[(Concept::Bail, 15, 19)]);
}

#[test]
fn mentions_are_added_after_those_of_other_texts() {
    let mut mentions = Vec::new();
    lexicon().mentions(Source::Reference, "bail", &mut mentions);
    lexicon().mentions(Source::Purpose, "bail", &mut mentions);
    let sources: Vec<_> = mentions.iter().map(|mention| mention.source).collect();
    assert_eq!(sources, [Source::Reference, Source::Purpose]);
}

#[test]
fn a_text_yields_at_most_this_many() {
    let mut mentions = Vec::new();
    lexicon().mentions(Source::Reference, &"bail ".repeat(1000), &mut mentions);
    assert_eq!(mentions.len(), MENTIONS_MAX);
}

#[test]
fn an_unusable_phrase_is_refused() {
    let mut draft = Draft::default();
    let add = |draft: &mut Draft, text: &str| draft.phrase(Concept::Bail, text);
    assert_eq!(add(&mut draft, "a b c d e f g h"), Ok(()));
    assert_eq!(add(&mut draft, "a b c d e f g h i"), Err(PhraseError::TooLong));
    assert_eq!(add(&mut draft, " - "), Err(PhraseError::Empty));
    assert_eq!(add(&mut draft, &"x".repeat(32)), Ok(()));
    assert_eq!(add(&mut draft, &"x".repeat(33)), Err(PhraseError::WordTooLong));
    assert_eq!(add(&mut draft, "Bail"), Ok(()));
    assert_eq!(add(&mut draft, "BAIL!"), Err(PhraseError::Twice));
}

#[test]
fn a_word_seen_through_is_mentioned_where_it_stands() {
    check("L E G A L advice", &[(Concept::LegalAdvice, 0, 16)]);
    check("for L.E.G.A.L.", &[(Concept::LegalAdvice, 4, 13)]);
    check("LEGALADVICE", &[(Concept::LegalAdvice, 0, 11)]);
    check("x LEGALADVICEREFUND", &[(Concept::LegalAdvice, 2, 13), (Concept::RefundPromise, 7, 19)]);
    check("WARR ANT", &[(Concept::Warrant, 0, 8)]);
    check("warrent, leagl advcie", &[(Concept::Warrant, 0, 7), (Concept::LegalAdvice, 9, 21)]);
    check("W4RR4N7 B4IL", &[(Concept::Warrant, 0, 7), (Concept::Bail, 8, 12)]);
    check("bail22 22bail", &[(Concept::Bail, 0, 4), (Concept::Bail, 9, 13)]);
    check("LÉGÁLADVICE", &[(Concept::LegalAdvice, 0, 13)]);
}

#[test]
fn what_is_denied_is_not_mentioned() {
    let mut draft = Draft::default();
    draft.phrase(Concept::Bail, "bail").unwrap();
    draft.phrase(Concept::Secrecy, "do not tell").unwrap();
    for word in ["not", "nid"] {
        draft.negation(word).unwrap();
    }
    let lexicon = draft.compile();
    let mentioned = |text| {
        let mut mentions = Vec::new();
        lexicon.mentions(Source::Reference, text, &mut mentions);
        mentions.len()
    };
    for (text, want) in [
        ("bail", 1),
        ("not bail", 0),
        ("NOT bail", 0),
        ("not for bail", 0),
        ("not for the bail", 0),
        ("not any of the bail", 1),
        ("not from bail", 1),
        ("bail not", 1),
        ("nid bail", 0),
        ("note bail", 1),
        ("do not tell", 1),
        ("not bail but bail", 1),
    ] {
        assert_eq!(mentioned(text), want, "{text:?}");
    }
}

#[test]
fn the_last_word_of_a_filled_field_may_be_cut_off() {
    for (text, want) in [
        // Both sides of the field's length, and of the four letters.
        ("pay for legal advi", &[(Concept::LegalAdvice, 8, 18)][..]),
        ("pay 4 me legal advi", &[(Concept::LegalAdvice, 9, 14)]),
        ("pay 4 my legal adv", &[(Concept::LegalAdvice, 9, 14)]),
        ("to settle a warran", &[(Concept::Warrant, 12, 18)]),
        ("to settle a warra ", &[]),
        ("to settle my warra", &[(Concept::Warrant, 13, 18)]),
        ("to settle ur warr.", &[]),
        ("LEGALADVICEREFUNDE", &[(Concept::LegalAdvice, 0, 11), (Concept::RefundPromise, 5, 17)]),
        ("MY LEGALADVICEREFU", &[(Concept::LegalAdvice, 3, 14), (Concept::RefundPromise, 8, 18)]),
        ("pay 2 LEGALADVICER", &[(Concept::LegalAdvice, 6, 17)]),
        // What may have been an exception is one, whatever is left of it.
        ("life cov legal gen", &[]),
        ("life cover legal g", &[]),
        ("options: share war", &[]),
        ("options: share w 4", &[]),
    ] {
        check(text, want);
    }
}

#[test]
fn four_letters_alone_may_be_the_beginning_of_anything() {
    let mut draft = Draft::default();
    draft.phrase(Concept::LegalAdvice, "lawyer").unwrap();
    draft.phrase(Concept::Arrest, "arrest").unwrap();
    let lexicon = draft.compile();
    for (text, want) in [
        ("pay money to a lawy", 0),
        ("pay money 2 a lawy", 1),
        ("pay to avoid arres", 1),
        // Arrears are more.
        ("pay to avoid; arre", 0),
    ] {
        let mut mentions = Vec::new();
        lexicon.mentions(Source::Reference, text, &mut mentions);
        assert_eq!(mentions.len(), want, "{text:?}");
    }
}

#[test]
fn who_edits_a_lexicon_is_told_what_its_phrases_do() {
    let mut draft = Draft::default();
    for (line, text, excepted) in [
        (4, "Bail Fund", false),
        (3, "bail", false),
        (7, "hay bail", true),
        (8, "hay", true),
        (9, "bailiwick", true),
        (10, "bail for hay bail", false),
    ] {
        draft.add(Listed { concept: Concept::Bail, text, excepted, line }).unwrap();
    }
    draft.phrase(Concept::Court, "not court").unwrap();
    draft.exception(Concept::Court, "it is not court").unwrap();
    let lexicon = draft.compile();
    let listed = lexicon.listed();
    let lines: Vec<_> = listed.iter().map(|it| (it.line, it.text)).collect();
    assert_eq!(lines[2..5], [(3, "bail"), (4, "Bail Fund"), (7, "hay bail")]);

    let told = |text: &str| {
        let one = listed.iter().find(|listed| listed.text == text).unwrap();
        if one.excepted { lexicon.excepts_something(one) } else { lexicon.speaks(one) }
    };
    for (text, want) in [
        ("bail", true),
        ("Bail Fund", true),
        ("hay bail", true),
        ("hay", false),
        // Cut off, it could have become bail.
        ("bailiwick", true),
        ("it is not court", true),
    ] {
        assert_eq!(told(text), want, "{text}");
    }

    let hazard = |text, allowed: &[Concept]| Hazard {
        text,
        allowed: allowed.to_vec(),
        what: "a straw",
        line: 1,
    };
    let hits = lexicon.hits(&hazard("hay for bail", &[]));
    assert_eq!(hits.len(), 1);
    assert_eq!((hits[0].phrase.text, hits[0].phrase.line), ("bail", 3));
    assert_eq!(hits[0].mention.from..hits[0].mention.until, 8..12);
    assert_eq!(lexicon.hits(&hazard("hay for bail", &[Concept::Bail])), []);
    assert_eq!(lexicon.hits(&hazard("hay bail", &[])), []);
}

#[test]
fn a_phrase_that_is_read_as_another_is_silent() {
    let mut draft = Draft::default();
    draft.phrase(Concept::Bail, "bail").unwrap();
    draft.phrase(Concept::Court, "b a i l").unwrap();
    draft.phrase(Concept::Court, "½ ½ ½ ½ ½ ½ ½ ½").unwrap();
    draft.phrase(Concept::Court, "court").unwrap();
    let lexicon = draft.compile();
    let silent = lexicon.listed().into_iter().filter(|listed| !lexicon.speaks(listed));
    let silent: Vec<_> = silent.map(|listed| listed.text).collect();
    assert_eq!(silent, ["½ ½ ½ ½ ½ ½ ½ ½", "b a i l"]);
}

#[test]
fn work_is_bounded_whatever_is_typed() {
    let lexicon = lexicon();
    for text in [
        "\u{301}".repeat(32_768),
        "\u{fdfa}".repeat(20_000),
        "a ".repeat(32_768),
        "legal".repeat(13_000),
        "legala".repeat(6),
        "1".repeat(65_536),
    ] {
        let mut mentions = Vec::new();
        lexicon.mentions(Source::Remittance, &text, &mut mentions);
        assert!(mentions.len() <= MENTIONS_MAX);
    }
    let mut mentions = Vec::new();
    let marked = format!("bail{}", "\u{301}".repeat(32_768));
    lexicon.mentions(Source::Remittance, &marked, &mut mentions);
    assert_eq!(mentions.len(), 1);
}

#[test]
fn more_phrases_than_this_are_refused() {
    let mut draft = Draft::default();
    let added = (0..100_000).map(|at| draft.phrase(Concept::Bail, &format!("{at:x}")));
    let refused = added.filter(|added| *added == Err(PhraseError::Full));
    assert_eq!(refused.count(), 100_000 - LEXICON_PHRASES_MAX);
    assert_eq!(draft.compile().phrases(), LEXICON_PHRASES_MAX);
}

#[test]
fn what_once_was_a_phrase_still_is() {
    let mut draft = Draft::default();
    for text in ["tŷ", "ty", "½ ½ ½ ½ ½ ½ ½ ½", "\u{fdfa} \u{fdfa}"] {
        assert_eq!(draft.phrase(Concept::Bail, text), Ok(()), "{text}");
    }
    assert_eq!(draft.phrase(Concept::Bail, "tŷ"), Err(PhraseError::Twice));
    assert_eq!(draft.phrase(Concept::Bail, "TY"), Ok(()));
}

#[test]
fn what_denies_is_one_word() {
    let mut draft = Draft::default();
    assert_eq!(draft.negation("not"), Ok(()));
    assert_eq!(draft.negation("NOT"), Err(PhraseError::Twice));
    assert_eq!(draft.negation("not at"), Err(PhraseError::NotOneWord));
    assert_eq!(draft.negation("-"), Err(PhraseError::Empty));
}

#[test]
fn an_empty_lexicon_finds_nothing() {
    let mut mentions = Vec::new();
    Draft::default().compile().mentions(Source::Reference, "bail", &mut mentions);
    assert_eq!(mentions, []);
}
