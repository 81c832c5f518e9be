use std::io::Cursor;

use super::{BPE1_MAGIC, TokenizerError, TokenizerReader};
use crate::slm::header::{HEADER_LEN, Header};
use crate::slm::policy::Bpe1RecordLayout;
use crate::slm::{Quantisation, Shape, write_sample};

/// Reads a BPE1 section that has just these ids, a byte each, and no merges.
fn read(ids: impl Iterator<Item = u32>) -> Result<(), TokenizerError> {
    let ids: Vec<u32> = ids.collect();
    let mut section = BPE1_MAGIC.to_vec();
    for word in [1, u32::MAX, 0, 1, 2, 3, ids.len().try_into().unwrap(), 0] {
        section.extend(word.to_le_bytes());
    }
    for id in ids {
        section.extend([id, 1].map(u32::to_le_bytes).concat());
        section.push(b'x');
    }
    let mut file = Cursor::new(Vec::new());
    write_sample(&Shape::TINY, Quantisation::F32, 1, &mut file).unwrap();
    let head: &[u8; HEADER_LEN] = file.get_ref().first_chunk().unwrap();
    let mut header = Header::parse(head, file.get_ref().len() as u64).unwrap();
    header.vocab_size = u32::MAX;
    header.tokenizer_length = section.len() as u64;
    TokenizerReader::new(&header).update(&section)
}

#[test]
fn scattered_ids_take_no_memory_without_limit() {
    let limit = u32::try_from(Bpe1RecordLayout::MAX_ID_GROUPS).unwrap();
    assert_eq!(read(0..2 * limit), Ok(()), "dense ids may be many more");
    assert_eq!(read((0..limit).map(|group| group * 64)), Ok(()));
    let found = read((0..=limit).map(|group| group * 64)).unwrap_err();
    assert_eq!(found, TokenizerError::BpeScattered { id: limit * 64 });
    assert_eq!((found.suffix(), found.field()), ("bpe-count", "token.16777216".to_owned()));
    // In a group that is known, an id is one more or the same again.
    let more = |last| (0..limit).map(|group| group * 64).chain([last]);
    assert_eq!(read(more(1)), Ok(()));
    assert_eq!(read(more(64)), Err(TokenizerError::BpeDuplicateId { id: 64 }));
}
