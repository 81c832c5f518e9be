//! The command that helps, beside the advice that the window gives too.

use std::net::SocketAddr;

use verifier::Code;

/// What to type about an error of this code at this field, as a sentence; `None` where the advice
/// says it all.
pub(crate) fn hint(code: Code, field: &str) -> Option<&'static str> {
    Some(match (code.prefix(), code.suffix(), field) {
        ("io", _, "quota") => {
            "The commands are `minimodel library forget` and `minimodel library quota`."
        }
        ("io", _, address) if address.parse::<SocketAddr>().is_ok() => {
            "The option is --listen IP:PORT."
        }
        ("usage", _, "model") => {
            "`minimodel library list` shows what is there, `minimodel share prepare` adds a file."
        }
        ("usage", _, "-") => "See `minimodel help`.",
        ("slm", "checksum-mismatch", _) => {
            "If the file was made elsewhere, --slm-checksum=unverified leaves that one check out."
        }
        ("chunk-list", "no-chunking", _) => return None,
        ("chunk-list", _, _) => "The command is `minimodel write-chunk-list`.",
        ("request", "no-usable-offer", _) => {
            "The commands are `minimodel peer add TICKET` and `minimodel request new`."
        }
        ("request", "no-chunking" | "not-yet-valid", _) => return None,
        ("request", _, _) => "The command is `minimodel request new`.",
        ("offer", "not-yet-valid", _) => return None,
        ("offer", _, _) => "They make one with `minimodel share serve --offer FILE`.",
        ("ticket", _, _) => "They make one with `minimodel peer invite`.",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use app::problem::Problem;
    use verifier::Code;

    use super::hint;
    use crate::fault::Fault;

    #[test]
    fn a_command_is_named_where_one_helps() {
        let of = |prefix, suffix, field| hint(Code::new(prefix, suffix), field).unwrap_or("");
        assert!(of("io", "failed", "quota").contains("library quota"));
        assert!(of("io", "failed", "0.0.0.0:9410").contains("--listen"));
        assert_eq!(of("io", "failed", "store"), "");
        assert!(of("usage", "arguments", "model").contains("library list"));
        assert!(of("ticket", "expired", "-").contains("peer invite"));
        assert_eq!(of("manifest", "missing-key", "model.id"), "");
    }

    #[test]
    fn it_stands_behind_the_advice() {
        let code = Code::new("ticket", "malformed");
        let fault = Fault::from(Problem::new(code, "what", "Ask for another."));
        let wanted = "Ask for another. They make one with `minimodel peer invite`.";
        assert_eq!(fault.advice(), wanted);
    }
}
