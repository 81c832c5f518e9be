//! What a person can do about an error, by its code.

use verifier::Code;

/// The second line of a message: what to do about an error of this code.
pub fn advice_for(code: Code) -> &'static str {
    advice(code.prefix(), code.suffix())
}

/// The same for a code that was written down as text; `None` if the text is no code.
pub fn advice_for_text(code: &str) -> Option<&'static str> {
    let (prefix, suffix) = code.split_once('.')?;
    let is_word = |word: &str| {
        !word.is_empty()
            && word.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
    };
    (is_word(prefix) && is_word(suffix)).then(|| advice(prefix, suffix))
}

fn advice(prefix: &str, suffix: &str) -> &'static str {
    match (prefix, suffix) {
        (_, "expired") => "Ask the peer for a fresh one; this one has run out.",
        (_, "not-yet-valid") => "Check this machine's clock; the document starts in the future.",
        (_, "unsafe-address") | ("address", "project-host" | "hub-host" | "denied-ip") => {
            "Give the address of a person's own machine; project servers and model hubs never \
             send artifact bytes."
        }
        ("consent", "denied") => "Nothing was moved. Try again and agree, if you want it.",
        ("consent", _) => {
            "The consent log was changed by something else. Move consent.log aside; every grant \
             has to be given again."
        }
        ("output", "exists") => {
            "Move that file away, or choose another folder. Nothing was changed."
        }
        ("output", "unsafe") => "Give a folder that is there and is not a symbolic link.",
        ("artifact", "byte-count" | "sha256") | ("merkle", _) => {
            "This is not the file the manifest names. Get the file again, or the manifest that \
             belongs to it."
        }
        ("slm", "checksum-mismatch") => {
            "The container's own checksum is wrong. Get the file again, or export it again."
        }
        ("slm", _) => "The file is not a valid .slm container. Get it again, or export it again.",
        ("agreement", _) => "Manifest and file do not belong together. Ask the publisher.",
        ("evidence", _) => "Give the evidence files that the manifest lists, by their number.",
        ("chunk-list", _) => "Make the list again from the file, or leave it out.",
        ("chunking", _) => "The manifest's chunking does not hold together. Ask the publisher.",
        ("signature", _) => {
            "The publisher's signature does not hold. Do not trust this manifest; ask the publisher."
        }
        ("boundary" | "route", _) => {
            "The manifest asks for something that is not allowed here. Ask the publisher."
        }
        ("manifest", _) => {
            "Correct the manifest at that key, or ask the publisher for a valid one."
        }
        ("request", "no-usable-offer") => "Ask the peers for fresh offers and make a new request.",
        ("request", "no-chunking") => {
            "Only a manifest with chunking can be imported from peers. Ask the publisher."
        }
        ("request", suffix) if suffix.ends_with("mismatch") => {
            "Request and manifest are of different artifacts. Make the request from this manifest."
        }
        ("request", _) => "Make a new request from the manifest and fresh offers.",
        ("offer", _) => "Ask that peer for a new offer.",
        ("announcement", _) => "Ask the peer for a new announcement.",
        ("ticket", _) => "Ask the other side for a new ticket, and copy all of it.",
        ("receipt", "drift") => "The receipt is of another file or manifest than these.",
        ("receipt", _) => "The receipt was changed or is damaged. Write a new one from the file.",
        ("peer-id", _) => "Copy the whole peer id again: 65 characters that start with mmpeer1.",
        ("address", _) => "Write it as mmp://HOST:PORT, for example mmp://192.168.1.20:9410.",
        ("piece" | "proof", _) => "A peer sent wrong bytes. They were not kept; ask another peer.",
        ("usage", _) => "Correct it, then try again.",
        ("io", _) => "Check the disk and the path, then try again. What is kept stays kept.",
        _ => "See what the documentation says of this code.",
    }
}
