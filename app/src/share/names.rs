//! What a manifest says that does not follow from the file.

use std::collections::BTreeMap;

use verifier::manifest::{Draft, Manifest, ManifestError};
use verifier::scalars::{Id, UtcTime, Version};

use super::Survey;
use crate::problem::Problem;

/// The names and routes of a model that is to be shared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    /// The model's id.
    pub id: String,
    /// The model's version.
    pub version: String,
    /// The model's name for people, if it has one beside its id.
    pub display: Option<String>,
    /// The publisher's id.
    pub publisher: String,
    /// Where the licence is read.
    pub license: String,
    /// Where the model card is read.
    pub card: String,
}

impl Names {
    /// Guesses from a file's name without its extension: `Tiny Story-1.2` gives `tiny-story` and
    /// `1.2`. Where licence and model card are read follows from nothing, and stays empty.
    pub fn guess(stem: &str, publisher: &str) -> Self {
        let (id, version) = id_and_version(stem);
        Self {
            id,
            version: version.unwrap_or_else(|| "1".to_owned()),
            display: None,
            publisher: publisher.to_owned(),
            license: String::new(),
            card: String::new(),
        }
    }

    /// What each name or route is called in a manifest, and what it is.
    fn entries(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let fixed = [
            ("model.id", self.id.as_str()),
            ("model.version", &self.version),
            ("publisher.id", &self.publisher),
            ("license.route", &self.license),
            ("model_card.route", &self.card),
        ];
        let display = self.display.as_deref().map(|display| ("model.display_name", display));
        fixed.into_iter().chain(display)
    }

    /// Every name or route that breaks its rule, by its key in the manifest.
    pub fn faults(&self) -> BTreeMap<&'static str, ManifestError> {
        let fault = |(key, value)| Draft::new().set(key, value).err().map(|error| (key, error));
        self.entries().filter_map(fault).collect()
    }

    /// Writes the manifest of a file that was surveyed.
    ///
    /// # Errors
    ///
    /// [`ManifestError`] if a name or a route breaks its rule.
    pub fn draft(&self, survey: &Survey, now: UtcTime) -> Result<Manifest, ManifestError> {
        let mut draft = Draft::new();
        draft
            .set("manifest.created_utc", now)?
            .set("publisher.key_id", "none")?
            .set("artifact.acquisition", "consent-peer-transfer")?
            .set("artifact.sha256", survey.sha256)?;
        for (key, value) in self.entries() {
            draft.set(key, value)?;
        }
        for (key, value) in survey.slm.measured() {
            // What this program can run is said by receipts, not by manifests.
            if key != "slm.runtime" {
                draft.set(key, value)?;
            }
        }
        draft.set_chunking(survey.list.geometry(), &survey.list.root());
        draft.write()
    }
}

/// What an error of [`Names::draft`] says to whoever typed the names.
pub fn undrafted(error: &ManifestError) -> Problem {
    let advice = "Correct that name or route, then try again; nothing was written.";
    Problem { advice: advice.to_owned(), remedy: None, ..Problem::coded(error) }
}

/// Reads id and version from a file's name: `Tiny Story-1.2` gives `tiny-story` and `1.2`.
fn id_and_version(stem: &str) -> (String, Option<String>) {
    let (name, version) = match stem.rsplit_once('-') {
        Some((name, version))
            if !name.is_empty()
                && version.starts_with(|c: char| c.is_ascii_digit())
                && Version::parse(version).is_ok() =>
        {
            (name, Some(version.to_owned()))
        }
        _ => (stem, None),
    };
    let id: String = name
        .chars()
        .map(|c| {
            let c = c.to_ascii_lowercase();
            if c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c) { c } else { '-' }
        })
        .skip_while(|c| !c.is_ascii_alphanumeric())
        .take(64)
        .collect::<String>()
        .replace("..", ".");
    if Id::parse(&id).is_ok() { (id, version) } else { ("model".to_owned(), version) }
}

#[cfg(test)]
mod tests {
    use super::{Names, id_and_version};

    #[test]
    fn each_name_that_breaks_its_rule_is_named_and_no_route_is_invented() {
        let guessed = Names::guess("tiny-1.0", "local");
        let faults: Vec<_> = guessed.faults().into_keys().collect();
        assert_eq!(faults, ["license.route", "model_card.route"]);
        let names =
            Names { license: "/license.md".to_owned(), card: "/card.md".to_owned(), ..guessed };
        assert!(names.faults().is_empty());
        let wrong = Names {
            id: "Tiny Story".to_owned(),
            license: "https://minimodel.org/license.md?key=1".to_owned(),
            ..names
        };
        let faults: Vec<_> = wrong.faults().into_keys().collect();
        assert_eq!(faults, ["license.route", "model.id"]);
    }

    #[test]
    fn a_first_try_needs_no_names() {
        for (stem, id, version) in [
            ("tiny", "tiny", None),
            ("tiny-1.0", "tiny", Some("1.0")),
            ("Tiny Story-2", "tiny-story", Some("2")),
            ("tiny-q8_0", "tiny-q8_0", None),
            ("__x", "x", None),
            ("日本", "model", None),
            ("-1", "1", None),
        ] {
            let found = id_and_version(stem);
            assert_eq!(found, (id.to_owned(), version.map(str::to_owned)), "{stem}");
        }
    }
}
