//! The state that a log's lines lead to.

use std::collections::BTreeMap;

use crate::consent::record::{Entry, Record, marked};
use crate::consent::{Act, ConsentError, ConsentLogFormat, Denial, Grant, GrantTerms, Query};
use crate::digest::{DIGEST_LEN, Sha256};
use crate::request::check_window;
use crate::scalars::{Id, UtcTime};

/// A consent log whose every line was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentLog {
    grants: Vec<Grant>,
    by_id: BTreeMap<Id, usize>,
    /// The grants for each act on each artifact, in the order of the log.
    by_artifact: BTreeMap<(Act, Sha256), Vec<usize>>,
    records: u64,
    bytes: u64,
    head: Sha256,
    last_time: Option<UtcTime>,
}

impl ConsentLog {
    /// The log without a line.
    pub const fn empty() -> Self {
        Self {
            grants: Vec::new(),
            by_id: BTreeMap::new(),
            by_artifact: BTreeMap::new(),
            records: 0,
            bytes: 0,
            head: Sha256::from_bytes([0; DIGEST_LEN]),
            last_time: None,
        }
    }

    /// Reads a whole log.
    ///
    /// # Errors
    ///
    /// [`ConsentError`] (`consent.…`) for the first rule that a line breaks, and
    /// [`ConsentError::Torn`] (`consent.torn`) if all lines are good but the last one has no end.
    pub fn parse(bytes: &[u8]) -> Result<Self, ConsentError> {
        let mut log = Self::empty();
        log.extend(bytes)?;
        Ok(log)
    }

    /// Reads on from [`Self::bytes`], for a reader that saw the log grow.
    ///
    /// # Errors
    ///
    /// As [`Self::parse`]. The lines before the fault are taken in, so a reader may go on from
    /// [`Self::bytes`] when a torn line has got its end.
    pub fn extend(&mut self, more: &[u8]) -> Result<(), ConsentError> {
        for line in more.split_inclusive(|byte| *byte == b'\n') {
            let Some(content) = line.strip_suffix(b"\n") else {
                return Err(ConsentError::Torn { at: self.bytes });
            };
            let record = Record::parse(content)?;
            self.check(&record)?;
            self.take(record);
            self.head = Sha256::of(content);
            self.records += 1;
            self.bytes += line.len() as u64;
        }
        Ok(())
    }

    /// How many lines there are.
    pub const fn records(&self) -> u64 {
        self.records
    }

    /// How many bytes the lines have: where the next one starts.
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The digest of the last line, which the next one names; zeros if there is none.
    pub const fn head(&self) -> Sha256 {
        self.head
    }

    /// The time of the last line; the next one is not dated earlier.
    pub const fn last_time(&self) -> Option<UtcTime> {
        self.last_time
    }

    /// Every grant, in the order of the log.
    pub fn grants(&self) -> &[Grant] {
        &self.grants
    }

    /// The grant of this name.
    pub fn grant(&self, id: &Id) -> Option<&Grant> {
        self.grants.get(*self.by_id.get(id)?)
    }

    /// The grants that are live, in the order of the log.
    pub fn live(&self, now: UtcTime) -> Vec<&Grant> {
        self.grants.iter().filter(|grant| grant.is_live(now)).collect()
    }

    /// Finds the first live grant that covers an act; `used` says how many bytes have moved under
    /// a grant so far.
    ///
    /// # Errors
    ///
    /// [`ConsentError::Denied`] (`consent.denied`) if there is none.
    pub fn allow(
        &self,
        query: &Query<'_>,
        now: UtcTime,
        used: impl Fn(&Id) -> u64,
    ) -> Result<&Grant, ConsentError> {
        let places = self.by_artifact.get(&(query.act, query.artifact_sha256));
        let meant = places.into_iter().flatten().filter_map(|place| self.grants.get(*place));
        let meant = meant
            .filter(|grant| grant.model_id() == query.model_id && grant.scope().covers(query.peer));
        let mut why = Denial::NotGiven;
        for grant in meant {
            match grant.denial(query.bytes, now, &used) {
                None => return Ok(grant),
                Some(denial @ Denial::UsedUp { .. }) => why = denial,
                // One that is live says more than one that came after it and is not.
                Some(_) if matches!(why, Denial::UsedUp { .. }) => {}
                Some(denial) => why = denial,
            }
        }
        Err(ConsentError::Denied { act: query.act, model_id: query.model_id.clone(), why })
    }

    /// The line to append, with its LF, that records a grant.
    ///
    /// No line may be dated before the one above it. If that one lies ahead of the time at which
    /// the user agreed, because a clock was ahead once, the new line is dated like it, and the
    /// grant's id says by how much: the grant counts from `terms.granted` until `terms.expires`
    /// all the same.
    ///
    /// # Errors
    ///
    /// [`ConsentError`] if the line would break a rule, as [`Self::parse`] would say.
    pub fn grant_line(&self, terms: &GrantTerms) -> Result<Vec<u8>, ConsentError> {
        let mut terms = terms.clone();
        let ahead = self.last_time.map_or(0, |last| last.since(terms.granted));
        if ahead > 0 {
            terms.id = marked(&terms.id, ahead)?;
        }
        self.next_line(terms.granted.plus(ahead), Entry::Grant(terms))
    }

    /// The line to append, with its LF, that takes a grant back; dated like the line above it if
    /// that one is later.
    ///
    /// # Errors
    ///
    /// [`ConsentError`] if the line would break a rule, as [`Self::parse`] would say.
    pub fn revoke_line(&self, grant_id: &Id, time: UtcTime) -> Result<Vec<u8>, ConsentError> {
        let time = self.last_time.map_or(time, |last| last.max(time));
        self.next_line(time, Entry::Revoke(grant_id.clone()))
    }

    fn next_line(&self, time: UtcTime, entry: Entry) -> Result<Vec<u8>, ConsentError> {
        let line = Record { seq: self.records, prev: self.head, time, entry }.to_line();
        self.check(&Record::parse(line.trim_ascii_end())?)?;
        Ok(line)
    }

    /// Checks a record against the lines before it.
    fn check(&self, record: &Record) -> Result<(), ConsentError> {
        if record.seq != self.records {
            return Err(ConsentError::Sequence { found: record.seq, line: self.records });
        }
        if record.prev != self.head {
            return Err(ConsentError::Chain { found: record.prev, wanted: self.head });
        }
        if let Some(before) = self.last_time.filter(|before| record.time < *before) {
            return Err(ConsentError::TimeOrder { found: record.time, before });
        }
        match &record.entry {
            Entry::Grant(terms) => {
                let limit = ConsentLogFormat::V0.window;
                check_window("expires_utc", terms.granted, terms.expires, limit)?;
                if self.by_id.contains_key(&terms.id) {
                    return Err(ConsentError::DuplicateGrant(terms.id.clone()));
                }
            }
            Entry::Revoke(id) => {
                if self.grant(id).is_none_or(|grant| grant.revoked.is_some()) {
                    return Err(ConsentError::UnknownGrant(id.clone()));
                }
            }
        }
        Ok(())
    }

    fn take(&mut self, record: Record) {
        self.last_time = Some(record.time);
        match record.entry {
            Entry::Grant(terms) => {
                let place = self.grants.len();
                self.by_id.insert(terms.id.clone(), place);
                let artifact = (terms.act, terms.artifact_sha256);
                self.by_artifact.entry(artifact).or_default().push(place);
                let ahead = record.time.since(terms.granted);
                self.grants.push(Grant { terms, ahead, revoked: None });
            }
            Entry::Revoke(id) => {
                let place = self.by_id.get(&id).copied();
                if let Some(grant) = place.and_then(|place| self.grants.get_mut(place)) {
                    grant.revoked = Some(record.time);
                }
            }
        }
    }
}

impl Default for ConsentLog {
    fn default() -> Self {
        Self::empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::ConsentLog;
    use crate::code::Coded as _;
    use crate::consent::{Act, ConsentError, GrantTerms, Query, Scope};
    use crate::digest::Sha256;
    use crate::identity::{PeerId, SigningKey};
    use crate::scalars::{Id, UtcTime};

    fn at(seconds: u64) -> UtcTime {
        UtcTime::from_unix(seconds)
    }

    fn id(text: &str) -> Id {
        Id::parse(text).unwrap()
    }

    fn peer(seed: u8) -> PeerId {
        SigningKey::from_seed([seed; 32]).public_key().peer_id()
    }

    fn terms(name: &str, granted: u64) -> GrantTerms {
        GrantTerms {
            id: id(name),
            act: Act::Serve,
            model_id: id("tiny"),
            artifact_sha256: Sha256::of(b"artifact"),
            scope: Scope::AnyPaired,
            byte_limit: 100,
            granted: at(granted),
            expires: at(granted + 50),
        }
    }

    /// A log of two grants, the first one taken back.
    fn log() -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut log = ConsentLog::empty();
        let mut append = |log: &mut ConsentLog, line: Vec<u8>| {
            log.extend(&line).unwrap();
            bytes.extend(line);
        };
        let line = log.grant_line(&terms("one", 10)).unwrap();
        append(&mut log, line);
        let line = log.grant_line(&terms("two", 20)).unwrap();
        append(&mut log, line);
        let line = log.revoke_line(&id("one"), at(20)).unwrap();
        append(&mut log, line);
        bytes
    }

    fn query(model_id: &Id, bytes: u64) -> Query<'_> {
        let artifact_sha256 = Sha256::of(b"artifact");
        Query { act: Act::Serve, model_id, artifact_sha256, peer: Some(peer(1)), bytes }
    }

    #[test]
    fn a_grant_covers_its_act_until_it_is_used_up_over_or_taken_back() {
        let log = ConsentLog::parse(&log()).unwrap();
        assert_eq!(log.records(), 3);
        assert_eq!(log.live(at(30)).len(), 1);
        let tiny = id("tiny");
        let allow = |query: Query<'_>, now, used| {
            log.allow(&query, at(now), |_| used).map(|grant| grant.id().as_str().to_owned()).ok()
        };
        assert_eq!(allow(query(&tiny, 100), 30, 0).as_deref(), Some("two"));
        assert_eq!(allow(query(&tiny, 60), 30, 41), None);
        assert_eq!(allow(query(&tiny, u64::MAX), 30, u64::MAX), None);
        assert_eq!(allow(query(&tiny, 1), 19, 0), None);
        assert_eq!(allow(query(&tiny, 1), 70, 0), None);
        assert_eq!(allow(query(&id("other"), 1), 30, 0), None);
        assert_eq!(allow(Query { act: Act::Cache, ..query(&tiny, 1) }, 30, 0), None);
        assert_eq!(allow(Query { peer: None, ..query(&tiny, 1) }, 30, 0), None);
    }

    #[test]
    fn a_denial_says_what_became_of_the_yes_and_what_to_do() {
        let log = ConsentLog::parse(&log()).unwrap();
        let (tiny, other) = (id("tiny"), id("other"));
        let denied = |query: Query<'_>, now, used: u64| {
            let error = log.allow(&query, at(now), |_| used).unwrap_err();
            assert_eq!(error.code().to_string(), "consent.denied");
            (error.to_string(), error.advice())
        };
        let rows = [
            (
                query(&tiny, 60),
                30,
                41,
                "is used up: 59 bytes left of its 100 bytes, and 60 bytes were to move",
            ),
            // One that is live is told of rather than one that ended.
            (
                query(&tiny, 1),
                20,
                100,
                "is used up: 0 bytes left of its 100 bytes, and 1 byte was to move",
            ),
            (query(&tiny, 0), 70, 0, "is over: it ended at 1970-01-01T00:01:10Z"),
            (
                query(&tiny, 0),
                19,
                0,
                "does not count yet: it was given by a clock that said 1970-01-01T00:00:20Z",
            ),
            (query(&other, 1), 30, 0, "was not given"),
        ];
        for (query, now, used, why) in rows {
            let (told, advice) = denied(query, now, used);
            assert_eq!(told, format!("the yes to serve `{}` {why}", query.model_id));
            assert!(advice.text().contains("again"), "{}", advice.text());
            assert_eq!(advice.remedy().is_none(), why == "was not given", "{why}");
        }

        let mut log = log;
        let back = log.revoke_line(&id("two"), at(40)).unwrap();
        log.extend(&back).unwrap();
        let error = log.allow(&query(&tiny, 0), at(45), |_| 0).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the yes to serve `tiny` was taken back at 1970-01-01T00:00:40Z"
        );
        assert!(error.advice().text().contains("say yes, if you want this to happen after all"));
        assert_eq!(error.code().to_string(), "consent.denied");
    }

    #[test]
    fn a_torn_rest_is_found_and_what_grew_is_read_on() {
        let whole = log();
        let cut = whole.len() - 5;
        let mut log = ConsentLog::empty();
        let torn = log.extend(&whole[..cut]);
        let start = log.bytes();
        assert_eq!(torn, Err(ConsentError::Torn { at: start }));
        assert_eq!(log.records(), 2);
        log.extend(&whole[usize::try_from(start).unwrap()..]).unwrap();
        assert_eq!(log, ConsentLog::parse(&whole).unwrap());
    }

    #[test]
    fn a_line_that_would_break_the_log_is_not_written() {
        let log = ConsentLog::parse(&log()).unwrap();
        assert!(matches!(log.grant_line(&terms("one", 30)), Err(ConsentError::DuplicateGrant(_))));
        let endless = GrantTerms { byte_limit: u64::MAX, ..terms("new", 30) };
        assert!(matches!(log.grant_line(&endless), Err(ConsentError::Json(_))));
        assert!(matches!(log.revoke_line(&id("one"), at(30)), Err(ConsentError::UnknownGrant(_))));
    }

    #[test]
    fn a_yes_counts_at_once_in_a_log_that_is_ahead() {
        const NOW: u64 = 10_000_000;
        let tiny = id("tiny");
        for ahead in [1, 20 * 60, 40 * 86_400] {
            let mut log = ConsentLog::empty();
            let odd = GrantTerms { act: Act::Cache, ..terms("odd", NOW + ahead) };
            let odd = log.grant_line(&odd).unwrap();
            log.extend(&odd).unwrap();
            let line = log.grant_line(&terms("new", NOW)).unwrap();
            log.extend(&line).unwrap();
            // The chain holds for whoever reads it, and times do not go back.
            let mut whole = ConsentLog::parse(&[odd, line].concat()).unwrap();
            assert_eq!((&whole, whole.last_time()), (&log, Some(at(NOW + ahead))));
            let grant = whole.grants().last().unwrap().clone();
            assert_eq!((grant.granted(), grant.expires()), (at(NOW), at(NOW + 50)));
            assert_eq!(
                (grant.ahead(), grant.id().as_str().split('.').next()),
                (ahead, Some("new"))
            );
            let live = |now| whole.allow(&query(&tiny, 1), at(now), |_| 0).is_ok();
            assert!(live(NOW) && live(NOW + 49) && !live(NOW - 1) && !live(NOW + 50));
            // What is taken back after that is taken back at once.
            let back = whole.revoke_line(grant.id(), at(NOW + 1)).unwrap();
            whole.extend(&back).unwrap();
            assert!(whole.allow(&query(&tiny, 1), at(NOW + 1), |_| 0).is_err());
            assert!(whole.grant_line(&terms("again", NOW + 2)).is_ok());
        }
    }

    #[test]
    fn only_seconds_that_fit_the_line_move_its_times() {
        for name in ["g.ahead-", "g.ahead-007", "g.ahead-x", "g.ahead-11", "g-ahead-5"] {
            let line = ConsentLog::empty().grant_line(&terms(name, 10)).unwrap();
            let log = ConsentLog::parse(&line);
            assert_eq!(log.unwrap().grants()[0].granted(), at(10), "{name}");
        }
    }

    #[test]
    fn scopes_have_their_texts() {
        for scope in [Scope::Peer(peer(1)), Scope::AnyPaired, Scope::None] {
            assert_eq!(Scope::parse(&scope.to_string()), Ok(scope));
        }
        assert!(Scope::Peer(peer(1)).covers(Some(peer(1))));
        assert!(!Scope::Peer(peer(1)).covers(Some(peer(2))));
        assert!(Scope::None.covers(None) && !Scope::None.covers(Some(peer(1))));
    }

    proptest! {
        #[test]
        fn a_changed_byte_is_always_found(at in 0_usize..2_000, byte: u8) {
            let good = log();
            let mut bytes = good.clone();
            // The last line is not yet chained by another one.
            let last = good[..good.len() - 1].iter().rposition(|b| *b == b'\n').unwrap();
            let at = at % last;
            prop_assume!(bytes[at] != byte);
            bytes[at] = byte;
            prop_assert!(ConsentLog::parse(&bytes).is_err());
        }

        #[test]
        fn any_bytes_return(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(bytes.is_empty() || ConsentLog::parse(&bytes).is_err());
        }
    }
}
