//! Finding what the user means by a few letters: models and peers.

use app::naming::{short, short_peer};
use app::ports::{KnownPeer, Model, PieceStore};
use verifier::Sha256;
use verifier::identity::PeerId;
use verifier::scalars::{Id, Label, Version};

use crate::fault::Fault;

/// The fewest digits of a SHA-256 that name a model.
const MIN_DIGITS: usize = 4;

/// A name and digest that a user may mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The model's id.
    pub id: Id,
    /// The model's version, where it is known.
    pub version: Option<Version>,
    /// The artifact.
    pub artifact: Sha256,
}

impl From<&Model> for Named {
    fn from(model: &Model) -> Self {
        Self {
            id: model.model_id.clone(),
            version: Some(model.model_version.clone()),
            artifact: model.artifact,
        }
    }
}

impl Named {
    /// Whether the name means it.
    pub fn answers_to(&self, name: &str) -> bool {
        let long = || self.version.as_ref().is_some_and(|v| format!("{}-{v}", self.id) == name);
        self.id.as_str() == name || long() || self.digest_starts_with(name)
    }

    fn digest_starts_with(&self, name: &str) -> bool {
        let digits = name.strip_prefix("sha256:").unwrap_or(name).to_ascii_uppercase();
        digits.len() >= MIN_DIGITS
            && self.artifact.to_string().trim_start_matches("sha256:").starts_with(&digits)
    }

    /// The name as people see it, with enough of the digest to tell two apart.
    pub fn shown(&self) -> String {
        let version = self.version.as_ref().map(|v| format!("-{v}")).unwrap_or_default();
        format!("{}{version} ({})", self.id, short(self.artifact))
    }
}

/// Finds the one that the name means.
///
/// # Errors
///
/// `usage.arguments` if none does, or more than one; then the candidates are listed.
pub fn find(known: &[Named], name: &str) -> Result<usize, Fault> {
    let hits: Vec<usize> = known
        .iter()
        .enumerate()
        .filter(|(_, named)| named.answers_to(name))
        .map(|(place, _)| place)
        .collect();
    match hits.as_slice() {
        [one] => Ok(*one),
        [] => {
            let what = format!("no model here is called `{name}`");
            let advice = if known.is_empty() {
                "The library is empty: import a model, or prepare one with `minimodel share prepare`."
                    .to_owned()
            } else {
                format!("Here are: {}.", list(known.iter()))
            };
            Err(Fault::usage("model", what, advice))
        }
        many => {
            let what = format!("`{name}` may mean {} models", many.len());
            let candidates = list(many.iter().filter_map(|place| known.get(*place)));
            let advice = format!(
                "Name one by its version, or by its digest if versions are the same: {candidates}."
            );
            Err(Fault::usage("model", what, advice))
        }
    }
}

/// Their names in one line.
pub fn list<'a>(named: impl Iterator<Item = &'a Named>) -> String {
    const MOST: usize = 8;
    let mut names: Vec<String> = named.map(Named::shown).collect();
    let more = names.len().saturating_sub(MOST);
    names.truncate(MOST);
    if more > 0 {
        names.push(format!("{more} more"));
    }
    names.join(", ")
}

/// Finds the model of the library that the name means.
///
/// # Errors
///
/// `usage.arguments` as [`find`], `io.failed` if the store fails.
pub async fn model<S: PieceStore>(store: &S, name: &str) -> Result<Model, Fault> {
    let mut models = store
        .models()
        .await
        .map_err(|failure| Fault::machine("cannot read the library", failure.as_ref()))?;
    let known: Vec<Named> = models.iter().map(Named::from).collect();
    let place = find(&known, name)?;
    Ok(models.swap_remove(place))
}

/// A peer as people see it: by its label with the end of its id behind, if it is paired.
pub fn person(peers: &[KnownPeer], id: PeerId) -> String {
    let known = peers.iter().find(|peer| peer.id == id);
    named(known.map(|peer| &peer.label), id)
}

/// The same of a peer whose label is known, or that has none.
pub fn named(label: Option<&Label>, id: PeerId) -> String {
    label.map_or_else(|| short_peer(id), |label| format!("{label} ({})", short_peer(id)))
}

/// Finds the paired peer that the name means: an id, or a label.
///
/// # Errors
///
/// `usage.arguments` if none does, or more than one.
pub fn peer<'a>(peers: &'a [KnownPeer], name: &str) -> Result<&'a KnownPeer, Fault> {
    let hits: Vec<&KnownPeer> = peers
        .iter()
        .filter(|peer| peer.label.as_str() == name || peer.id.to_string() == name)
        .collect();
    match hits.as_slice() {
        [one] => Ok(one),
        [] => {
            let what = format!("you are not paired with a peer called `{name}`");
            let advice = "See `minimodel peer list`, or pair with `minimodel peer add TICKET`.";
            Err(Fault::usage("peer", what, advice))
        }
        many => {
            let what = format!("{} peers are called `{name}`", many.len());
            Err(Fault::usage("peer", what, "Name the one you mean by its peer id."))
        }
    }
}

#[cfg(test)]
mod tests {
    use verifier::Sha256;
    use verifier::scalars::{Id, Version};

    use super::{Named, find};

    fn named(id: &str, version: &str) -> Named {
        Named {
            id: Id::parse(id).unwrap(),
            version: Some(Version::parse(version).unwrap()),
            artifact: Sha256::of(format!("{id}-{version}").as_bytes()),
        }
    }

    #[test]
    fn a_name_finds_one_or_lists_the_candidates() {
        let known = [named("tiny", "1"), named("tiny", "2"), named("story", "1")];
        assert_eq!(find(&known, "story").unwrap(), 2);
        assert_eq!(find(&known, "tiny-2").unwrap(), 1);
        let digest = known[0].artifact.to_string();
        assert_eq!(find(&known, &digest).unwrap(), 0);
        assert_eq!(find(&known, &digest[7..15].to_lowercase()).unwrap(), 0);
        let fault = find(&known, "tiny").unwrap_err();
        assert!(fault.advice().contains("tiny-1") && fault.advice().contains("tiny-2"));
        assert_eq!(fault.exit().number(), 2);
        assert!(find(&known, "other").unwrap_err().advice().contains("story-1"));
        assert!(find(&[], "").is_err());
    }
}
