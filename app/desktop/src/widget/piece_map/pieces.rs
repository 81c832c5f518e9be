//! What the map shows: a snapshot of every piece of one artifact.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use app::event::Event;
use app::ports::{Day, PieceState, PullNews};
use verifier::identity::PeerId;
use verifier::piece::{PieceList, Source};
use verifier::scalars::UtcTime;
use verifier::{Bitfield, Geometry, PieceIndex};

use super::facts::Facts;
use super::piece::{Mark, Origin, Piece, State, seconds};
use super::tally::Tally;

/// How many pieces are copied when one of them changes while another snapshot shares them.
const PAGE: usize = 4_096;

/// An immutable snapshot of every piece of an artifact; cloning it is cheap.
///
/// Whoever runs the import keeps one of its own, marks pieces in it as they move, and sends clones
/// to the window. Pieces are shared in pages of 4,096, eight bytes each: a mark copies nothing
/// while no other snapshot holds the page, and one page if one does.
#[derive(Clone)]
pub struct Pieces(Arc<Inner>);

impl fmt::Debug for Pieces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pieces").field(&self.tally().summary()).finish()
    }
}

#[derive(Clone)]
struct Inner {
    geometry: Geometry,
    pages: Vec<Arc<[Piece]>>,
    peers: Vec<PeerId>,
    list: Option<Arc<PieceList>>,
    tally: Tally,
    /// When the piece was verified that was so longest ago, in seconds; 0 if that is not known of all.
    oldest: u32,
}

impl Pieces {
    /// An artifact of which nothing is had.
    pub fn missing(geometry: Geometry) -> Self {
        Self::build(geometry, |_| Piece::default())
    }

    /// A kept model, from what the store knows: the state of every piece, and when the whole was
    /// last verified, which dates the pieces that have no date of their own. Pieces that `states`
    /// does not reach count as missing.
    pub fn stored(
        geometry: Geometry,
        states: &[PieceState],
        last_verified: Option<UtcTime>,
    ) -> Self {
        let mut peers = Vec::new();
        // Where both are of one day, the time says more.
        let whole = last_verified.map(|time| (Day::of(time), seconds(time)));
        let dated = |day: Day| match whole {
            Some((whole, time)) if whole == day => time,
            _ => seconds(day.start()),
        };
        let undated = whole.map_or(0, |(_, time)| time);
        let mut states = states.iter();
        let mut oldest = u32::MAX;
        let mut built = Self::build(geometry, |_| match states.next() {
            None | Some(PieceState::Missing) => Piece::default(),
            Some(PieceState::Corrupt) => Piece { state: State::Corrupt, ..Piece::default() },
            Some(PieceState::Kept { source, verified }) => {
                let source = origin(&mut peers, *source);
                let verified = verified.map_or(undated, dated);
                oldest = oldest.min(verified);
                Piece { state: State::Kept, source, verified, attempts: 0 }
            }
        });
        let inner = Arc::make_mut(&mut built.0);
        inner.peers = peers;
        inner.oldest = if oldest == u32::MAX { 0 } else { oldest };
        built
    }

    fn build(geometry: Geometry, mut piece: impl FnMut(usize) -> Piece) -> Self {
        let count = geometry.piece_count() as usize;
        let mut tally = Tally::default();
        let pages = (0..count)
            .step_by(PAGE)
            .map(|start| {
                let page: Arc<[Piece]> = (start..count.min(start + PAGE)).map(&mut piece).collect();
                page.iter().for_each(|piece| tally.add(*piece));
                page
            })
            .collect();
        Self(Arc::new(Inner { geometry, pages, peers: Vec::new(), list: None, tally, oldest: 0 }))
    }

    /// The same with the digests of its pieces.
    #[must_use]
    pub fn with_list(mut self, list: Arc<PieceList>) -> Self {
        Arc::make_mut(&mut self.0).list = Some(list);
        self
    }

    /// Writes down what became of a piece; a piece of another artifact changes nothing.
    pub fn mark(&mut self, index: PieceIndex, mark: Mark) {
        let inner = Arc::make_mut(&mut self.0);
        let Some(page) = inner.pages.get_mut(index.as_usize() / PAGE) else { return };
        let Some(old) = page.get(index.as_usize() % PAGE).copied() else { return };
        let mut new = old;
        match mark {
            Mark::Missing => {
                new = Piece { attempts: old.attempts, ..Piece::default() };
            }
            Mark::Asked(peer) => {
                new.state = State::Asked;
                new.source = origin(&mut inner.peers, Source::Peer(peer));
                new.attempts = old.attempts.saturating_add(1);
            }
            Mark::Arrived(source) => {
                new.state = State::Arrived;
                new.source = origin(&mut inner.peers, source);
            }
            Mark::Verified(source, at) | Mark::Kept(source, at) => {
                new.state =
                    if matches!(mark, Mark::Kept(..)) { State::Kept } else { State::Verified };
                new.source = origin(&mut inner.peers, source);
                new.verified = seconds(at);
            }
            Mark::Corrupt => new.state = State::Corrupt,
        }
        if new == old {
            return;
        }
        inner.tally.remove(old);
        inner.tally.add(new);
        if let Some(piece) = Arc::make_mut(page).get_mut(index.as_usize() % PAGE) {
            *piece = new;
        }
    }

    /// Writes down what a running import tells.
    pub fn hear(&mut self, event: &Event, now: UtcTime) {
        match event {
            Event::Reserved { have } | Event::ListProven { have } => self.have(have),
            Event::Peers(PullNews::Asked { peer, index }) if !self.is_good(*index) => {
                self.mark(*index, Mark::Asked(*peer));
            }
            Event::Peers(PullNews::Lost { peer, .. } | PullNews::Banned { peer, .. }) => {
                self.unask(*peer);
            }
            Event::Peers(PullNews::Arrived { peer, index }) if !self.is_good(*index) => {
                self.mark(*index, Mark::Arrived(Source::Peer(*peer)));
            }
            Event::Verified { index, source, .. } => {
                self.mark(*index, Mark::Verified(*source, now));
            }
            Event::Kept { index, source, .. } => self.mark(*index, Mark::Kept(*source, now)),
            _ => {}
        }
    }

    /// Writes down that these pieces are kept, wherever they came from.
    fn have(&mut self, have: &Bitfield) {
        self.change(|index, piece| {
            if have.contains(index) && !piece.state.is_good() {
                piece.state = State::Kept;
                piece.source = Origin::UNKNOWN;
            }
        });
    }

    /// Counts what was asked of the peer, or came and was not judged good, as missing again.
    pub fn unask(&mut self, peer: PeerId) {
        let Some(place) = self.peers().iter().position(|known| *known == peer) else { return };
        let source = Origin::of_place(place);
        self.change(|_, piece| {
            let is_open = matches!(piece.state, State::Asked | State::Arrived);
            if is_open && piece.source == source {
                *piece = Piece { attempts: piece.attempts, ..Piece::default() };
            }
        });
    }

    /// Visits every piece, and copies only the pages in which one changes.
    fn change(&mut self, mut change: impl FnMut(PieceIndex, &mut Piece)) {
        let inner = Arc::make_mut(&mut self.0);
        let mut indices = inner.geometry.indices();
        for page in &mut inner.pages {
            let changed: Vec<Piece> = page
                .iter()
                .zip(indices.by_ref())
                .map(|(piece, index)| {
                    let mut piece = *piece;
                    change(index, &mut piece);
                    piece
                })
                .collect();
            if changed.as_slice() != &**page {
                page.iter().for_each(|piece| inner.tally.remove(*piece));
                changed.iter().for_each(|piece| inner.tally.add(*piece));
                *page = changed.into();
            }
        }
    }

    fn is_good(&self, index: PieceIndex) -> bool {
        self.piece(index).is_some_and(|piece| piece.state.is_good())
    }

    /// How the artifact is cut.
    pub fn geometry(&self) -> &Geometry {
        &self.0.geometry
    }

    /// How many pieces there are, from 1.
    pub fn count(&self) -> u32 {
        self.0.geometry.piece_count()
    }

    /// The peers that gave pieces or were asked for them, as they came up; a peer's place here is
    /// the number of its colour.
    pub fn peers(&self) -> &[PeerId] {
        &self.0.peers
    }

    /// How many pieces there are of each kind.
    pub fn tally(&self) -> &Tally {
        &self.0.tally
    }

    /// When the kept piece was verified that was so longest ago, as the store knew it; `None` if that
    /// is not known of all.
    pub fn oldest(&self) -> Option<UtcTime> {
        (self.0.oldest > 0).then(|| UtcTime::from_unix(self.0.oldest.into()))
    }

    /// All that is known of a piece; `None` if the artifact has no such piece.
    pub fn facts(&self, index: PieceIndex) -> Option<Facts> {
        let piece = self.piece(index)?;
        let source = match piece.source {
            Origin::UNKNOWN => None,
            Origin::LOCAL => Some(Source::Local),
            peer => peer.place().and_then(|at| self.peers().get(at)).map(|id| Source::Peer(*id)),
        };
        let list = self.0.list.as_ref();
        Some(Facts {
            index,
            offset: self.0.geometry.offset(index),
            length: self.0.geometry.length(index),
            digest: list.and_then(|list| {
                let digest = list.digests().get(index.as_usize())?;
                Some(digest.to_text(list.root().algorithm()))
            }),
            state: piece.state,
            source,
            verified: (piece.verified > 0).then(|| UtcTime::from_unix(piece.verified.into())),
            attempts: piece.attempts,
        })
    }

    /// The first piece behind `after` that is in the state, or the first of all.
    pub fn next(&self, state: State, after: Option<PieceIndex>) -> Option<PieceIndex> {
        let start = after.map_or(0, |index| index.get().saturating_add(1));
        self.indices(start..self.count()).find(|index| self.is(*index, state))
    }

    /// The last piece before `before` that is in the state, or the last of all.
    pub fn previous(&self, state: State, before: Option<PieceIndex>) -> Option<PieceIndex> {
        let end = before.map_or(self.count(), PieceIndex::get);
        self.indices(0..end).rev().find(|index| self.is(*index, state))
    }

    /// The worst piece of a range, the first of equals, and its state.
    pub(super) fn worst(&self, range: Range<u32>) -> Option<(PieceIndex, State)> {
        // Of equals `max_by_key` takes the last, so the first comes last.
        let known = self.indices(range).rev().map(|index| (index, self.piece(index)));
        let known = known.filter_map(|(index, piece)| Some((index, piece?.state)));
        known.max_by_key(|(_, state)| *state)
    }

    fn is(&self, index: PieceIndex, state: State) -> bool {
        self.piece(index).is_some_and(|piece| piece.state == state)
    }

    fn indices(&self, range: Range<u32>) -> impl DoubleEndedIterator<Item = PieceIndex> {
        range.filter_map(|index| self.0.geometry.index(index))
    }

    fn piece(&self, index: PieceIndex) -> Option<Piece> {
        self.0.pages.get(index.as_usize() / PAGE)?.get(index.as_usize() % PAGE).copied()
    }

    /// Whether this is the very same snapshot.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Replaces what `into` holds by the pieces of the range.
    pub(super) fn copy(&self, range: Range<u32>, into: &mut Vec<Piece>) {
        into.clear();
        let (mut start, end) = (range.start as usize, range.end as usize);
        while start < end {
            let Some(page) = self.0.pages.get(start / PAGE) else { return };
            let from = start % PAGE;
            let to = page.len().min(from + end - start);
            let Some(part) = page.get(from..to) else { return };
            into.extend_from_slice(part);
            start += to - from;
        }
    }
}

/// The source's number, new in the table if it is a peer that was not there.
fn origin(peers: &mut Vec<PeerId>, source: Source) -> Origin {
    match source {
        Source::Local => Origin::LOCAL,
        Source::Peer(peer) => {
            let place = peers.iter().position(|known| *known == peer).unwrap_or_else(|| {
                peers.push(peer);
                peers.len() - 1
            });
            Origin::of_place(place)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use app::event::Event;
    use app::ports::{Day, PieceState, PullNews};
    use verifier::identity::{PeerId, SigningKey};
    use verifier::piece::{PieceList, PieceStream, Source};
    use verifier::scalars::UtcTime;
    use verifier::{Bitfield, ChunkAlgorithm, Geometry, PieceIndex};

    use super::{Mark, PAGE, Piece, Pieces, State};

    const NOW: UtcTime = UtcTime::from_unix(1_790_000_000);

    fn peer(seed: u8) -> PeerId {
        SigningKey::from_seed([seed; 32]).public_key().peer_id()
    }

    fn index(pieces: &Pieces, index: usize) -> PieceIndex {
        pieces.geometry().index(u32::try_from(index).unwrap()).unwrap()
    }

    /// The states, one character a piece.
    fn picture(pieces: &Pieces) -> String {
        let state = |index| pieces.facts(index).unwrap().state;
        pieces.geometry().indices().map(|i| char::from(b"#+>?.!"[state(i) as usize])).collect()
    }

    fn missing(count: u64) -> Pieces {
        Pieces::missing(Geometry::new(count, 1).unwrap())
    }

    #[test]
    fn a_piece_takes_eight_bytes() {
        assert_eq!(size_of::<Piece>(), 8);
    }

    #[test]
    fn a_mark_copies_one_page_and_only_if_another_snapshot_holds_it() {
        let mut pieces = missing(3 * u64::try_from(PAGE).unwrap());
        let at = |pieces: &Pieces| pieces.0.pages.iter().map(|p| p.as_ptr()).collect::<Vec<_>>();
        let before = at(&pieces);
        let first = index(&pieces, 0);
        pieces.mark(first, Mark::Corrupt);
        assert_eq!(at(&pieces), before);
        let shown = pieces.clone();
        pieces.mark(index(&shown, PAGE), Mark::Kept(Source::Local, NOW));
        assert_eq!(at(&shown), before);
        let moved: Vec<_> = at(&pieces).iter().zip(&before).map(|(a, b)| a != b).collect();
        assert_eq!(moved, [false, true, false]);
        assert_eq!(shown.tally().of(State::Kept), 0);
        assert_eq!(pieces.tally().of(State::Kept), 1);
        assert!(!pieces.is_same(&shown));
    }

    #[test]
    fn a_mark_that_changes_nothing_leaves_the_snapshot_as_it_is() {
        let mut pieces = missing(4);
        let shown = pieces.clone();
        pieces.mark(index(&shown, 3), Mark::Missing);
        assert!(Arc::ptr_eq(&pieces.0.pages[0], &shown.0.pages[0]));
        let other = Geometry::new(9_999, 1).unwrap();
        pieces.mark(other.index(9_998).unwrap(), Mark::Corrupt);
        assert_eq!(picture(&pieces), "....");
    }

    #[test]
    fn an_import_is_heard() {
        let mut pieces = missing(6);
        let at = |place| index(&missing(6), place);
        let mut have = Bitfield::empty(6);
        have.insert(at(0));
        pieces.hear(&Event::Reserved { have }, NOW);
        assert_eq!(picture(&pieces), "#.....");
        for (seed, place) in [(1, 1), (1, 2), (2, 3), (2, 0)] {
            let asked = PullNews::Asked { peer: peer(seed), index: at(place) };
            pieces.hear(&Event::Peers(asked), NOW);
        }
        assert_eq!(picture(&pieces), "#???..");
        let kept = Event::Kept { index: at(1), source: Source::Peer(peer(1)), bytes: 1 };
        pieces.hear(&kept, NOW);
        let lost = PullNews::Lost { peer: peer(1), why: "hung up".to_owned() };
        pieces.hear(&Event::Peers(lost), NOW);
        assert_eq!(picture(&pieces), "##.?..");
        assert_eq!(pieces.peers(), [peer(1), peer(2)]);
        let facts = pieces.facts(at(1)).unwrap();
        assert_eq!(facts.source, Some(Source::Peer(peer(1))));
        assert_eq!((facts.verified, facts.attempts), (Some(NOW), 1));
        assert_eq!(pieces.facts(at(2)).unwrap().attempts, 1);
        assert_eq!((pieces.tally().peer(0), pieces.tally().unknown()), (1, 1));
        assert_eq!(pieces.tally().summary(), "2 of 6 pieces kept, 3 missing, 1 asked");
    }

    #[test]
    fn a_kept_model_shows_what_the_store_knows() {
        let states = [
            PieceState::Kept { source: Source::Peer(peer(2)), verified: None },
            PieceState::Kept { source: Source::Local, verified: Some(Day::of(NOW)) },
            PieceState::Corrupt,
            PieceState::Kept { source: Source::Peer(peer(2)), verified: Some(Day::from_number(9)) },
        ];
        let pieces = Pieces::stored(Geometry::new(5, 1).unwrap(), &states, Some(NOW));
        assert_eq!(picture(&pieces), "##!#.");
        assert_eq!(pieces.peers(), [peer(2)]);
        assert_eq!((pieces.tally().local(), pieces.tally().peer(0)), (1, 2));
        assert_eq!(pieces.facts(index(&pieces, 0)).unwrap().verified, Some(NOW));
        assert_eq!(pieces.facts(index(&pieces, 1)).unwrap().verified, Some(NOW), "of the same day");
        assert_eq!(pieces.facts(index(&pieces, 2)).unwrap().verified, None);
        let older = pieces.facts(index(&pieces, 3)).unwrap().verified;
        assert_eq!(older, Some(Day::from_number(9).start()));
        assert_eq!(pieces.oldest(), older);
        let undated = Pieces::stored(Geometry::new(5, 1).unwrap(), &states, None);
        assert_eq!(undated.oldest(), None, "it is not known of the first");
        assert_eq!(missing(3).oldest(), None);
    }

    #[test]
    fn digests_come_from_the_list() {
        let geometry = Geometry::new(10, 4).unwrap();
        let mut stream = PieceStream::new(ChunkAlgorithm::FixedSizeMerkleV0, geometry).unwrap();
        stream.update(b"0123456789");
        let (digests, root) = stream.finish().unwrap();
        let list = PieceList::prove(geometry, root, digests).unwrap();
        let pieces = Pieces::missing(geometry).with_list(Arc::new(list));
        let facts = pieces.facts(index(&pieces, 2)).unwrap();
        assert_eq!(facts.digest.unwrap(), verifier::Sha256::of(b"89").to_string());
        assert_eq!((facts.offset, facts.length), (8, 2));
    }

    #[test]
    fn pieces_in_a_state_are_found_both_ways() {
        let mut pieces = missing(9_000);
        for place in [4_095, 4_096, 8_000] {
            pieces.mark(index(&missing(9_000), place), Mark::Corrupt);
        }
        let next = |after| pieces.next(State::Corrupt, after).map(PieceIndex::as_usize);
        let previous = |before| pieces.previous(State::Corrupt, before).map(PieceIndex::as_usize);
        assert_eq!(next(None), Some(4_095));
        assert_eq!(next(Some(index(&pieces, 4_095))), Some(4_096));
        assert_eq!(next(Some(index(&pieces, 8_000))), None);
        assert_eq!(previous(None), Some(8_000));
        assert_eq!(previous(Some(index(&pieces, 8_000))), Some(4_096));
        assert_eq!(previous(Some(index(&pieces, 10))), None);
    }
}
