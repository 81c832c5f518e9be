//! What to type for what helps.

use verifier::Remedy;

/// The sentence that stands behind the advice.
pub(crate) const fn typed(remedy: Remedy) -> &'static str {
    match remedy {
        Remedy::MakeRequest => "The command is `minimodel request new`.",
        Remedy::AskForOffer => "They make an offer with `minimodel share serve --offer FILE`.",
        Remedy::AskForTicket => "They make one with `minimodel peer invite`.",
        Remedy::Pair => "The command is `minimodel peer add TICKET`.",
        Remedy::Unblock => "The command is `minimodel peer unblock`.",
        Remedy::Unban => "The command is `minimodel peer unban`.",
        Remedy::MakeChunkList => "The command is `minimodel write-chunk-list`.",
        Remedy::LeaveChecksumOut => "--slm-checksum=unverified leaves that one check out.",
        Remedy::SeeLibrary => {
            "`minimodel library list` shows what is there, `minimodel share prepare` adds a file."
        }
        Remedy::MakeRoom => {
            "The commands are `minimodel library forget` and `minimodel library quota`."
        }
        Remedy::HandOutManifest => {
            "The commands are `minimodel library manifest` and `minimodel library forget`."
        }
        Remedy::ListenElsewhere => "The option is --listen IP:PORT.",
        Remedy::UseOtherData => "--data-dir DIR names another data folder.",
        Remedy::SeeGrants => "`minimodel consent list` shows them.",
        Remedy::WaitForPeers => {
            "--wait waits for them until you stop it, --wait TIME for as long as that."
        }
        Remedy::Repair => "The command is `minimodel library repair`.",
        Remedy::RepairFrom => "The option is --from PEER.",
        Remedy::TellAddress => "The options are --address ADDRESS and --for TIME.",
    }
}

#[cfg(test)]
mod tests {
    use app::problem::Problem;
    use verifier::{Advice, Code, Remedy};

    use crate::fault::Fault;

    #[test]
    fn what_to_type_stands_behind_the_advice() {
        let advice = Advice::new("Ask for another.").by(Remedy::AskForTicket);
        let fault = Fault::from(Problem::new(Code::new("ticket", "malformed"), "what", advice));
        let wanted = "Ask for another. They make one with `minimodel peer invite`.";
        assert_eq!(fault.advice(), wanted);
    }
}
