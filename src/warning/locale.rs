//! Locale: which words stand in for a language or a form there are no words in.
//!
//! A form is what a private-use tag says of how words are given: `en-x-large` is English in large
//! print, `cy-x-phone` Welsh to be read out. Somebody who asks for a form needs it more than the
//! region of their language.

/// A BCP 47 tag, as far as we tell tags apart.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Tag<'a> {
    /// The language, such as `cy`.
    pub language: &'a str,
    /// What private use says, such as `large`; empty where nothing is said.
    pub form: &'a str,
    /// Whether anything else is said, such as a region.
    more: bool,
}

impl<'a> Tag<'a> {
    /// Reads a tag; whatever is written is one.
    pub fn of(locale: &'a str) -> Self {
        let (public, form) = locale.split_once("-x-").unwrap_or((locale, ""));
        let (language, more) = public.split_once('-').unwrap_or((public, ""));
        Self { language, form, more: !more.is_empty() }
    }

    fn is(self, language: &str, form: &str) -> bool {
        self.language == language && self.form == form && !self.more
    }
}

/// Returns which of `known` is nearest to `asked`: itself, its language in its form, its language;
/// then the same of `fallback`. Letters are compared without case.
pub(super) fn nearest<'k>(
    asked: &str,
    fallback: &str,
    known: impl Iterator<Item = &'k str> + Clone,
) -> Option<&'k str> {
    let asked = asked.to_ascii_lowercase();
    let (tag, last) = (Tag::of(&asked), Tag::of(fallback));
    let find = |language, form| {
        known.clone().find(|known| Tag::of(&known.to_ascii_lowercase()).is(language, form))
    };
    known
        .clone()
        .find(|known| known.eq_ignore_ascii_case(&asked))
        .or_else(|| find(tag.language, tag.form))
        .or_else(|| find(tag.language, ""))
        .or_else(|| find(last.language, tag.form))
        .or_else(|| {
            let mut known = known;
            known.find(|known| known.eq_ignore_ascii_case(fallback))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_words_there_are_stand_in() {
        let known = ["cy", "cy-x-large", "en", "en-GB", "en-x-large", "en-x-phone"];
        for (asked, want) in [
            ("en", "en"),
            ("cy", "cy"),
            ("EN", "en"),
            ("cy-GB", "cy"),
            ("en-GB", "en-GB"),
            ("en-gb", "en-GB"),
            ("en-US", "en"),
            ("cy-x-large", "cy-x-large"),
            ("CY-X-Large", "cy-x-large"),
            ("cy-GB-x-large", "cy-x-large"),
            // Welsh on a screen is nearer than English read out.
            ("cy-x-phone", "cy"),
            ("en-GB-x-phone", "en-x-phone"),
            ("en-x-braille", "en"),
            ("fr", "en"),
            ("fr-x-phone", "en-x-phone"),
            ("fr-x-braille", "en"),
            ("", "en"),
            ("-", "en"),
            ("-x-", "en"),
            ("-x-large", "en-x-large"),
            ("x-large", "en"),
        ] {
            assert_eq!(nearest(asked, "en", known.into_iter()), Some(want), "{asked}");
        }
        assert_eq!(nearest("fr", "de", known.into_iter()), None);
        assert_eq!(nearest("cy", "de", known.into_iter()), Some("cy"));
    }
}
