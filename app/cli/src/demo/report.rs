//! What the demo tells at the end, and whether everything was as it should be.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use app::ports::{PieceStore as _, Ports};
use app::quantity::Size;
use serde_json::{Value, json};
use verifier::Code;
use verifier::identity::PeerId;
use verifier::manifest::Options;

use super::peers::Peer;
use super::place::Place;
use super::{Model, step, usage};
use crate::args::DemoArgs;
use crate::fault::Fault;
use crate::import::{self, Finished};
use crate::library::{failed, show_map};
use crate::map::Show;
use crate::outcome::{Outcome, printable};
use crate::terminal::Terminal;
use crate::verify::check_receipt;

/// What is told at the end.
pub(super) struct Report<'a> {
    pub(super) args: &'a DemoArgs,
    pub(super) place: &'a Place,
    pub(super) model: &'a Model,
    pub(super) peers: &'a [Peer],
    pub(super) finished: &'a Finished,
    /// Who was asked for a piece.
    pub(super) asked: &'a BTreeSet<PeerId>,
    /// How much processor time the import took in this process, where the system tells.
    pub(super) worked: Option<Duration>,
}

impl Report<'_> {
    pub(super) async fn tell<P: Ports>(
        &self,
        ports: &P,
        terminal: &mut Terminal,
        before: Duration,
        limit: Option<u64>,
    ) -> Result<Outcome, Fault> {
        let checking = Instant::now();
        let imported = &self.finished.imported;
        let named = &imported.named;
        let verified = check_receipt(
            &named.receipt,
            &self.place.manifest(),
            &named.artifact,
            Options::default(),
        )?;
        step(terminal, "5. Verified the receipt again, from the files on disk", checking);
        let artifact = verified.artifact().manifest().artifact_sha256();
        if let Some(model) = ports.store().model(artifact).await.map_err(failed)? {
            terminal.say("   Who gave which piece:");
            show_map(ports, terminal, &model, Show::Source).await?;
        }
        let total = before + checking.elapsed();
        let transfer = imported.transfer_time.as_secs_f64();
        let rate = import::rate(imported.bytes_fetched, transfer);
        let import = imported.import_time.as_secs_f64();
        let peak = usage::peak_memory();
        terminal.say(&format!(
            "   {} in {transfer:.2} s: {rate:.1} MiB/s; both files after {import:.2} s; {:.1} s in all; peak memory {}",
            Size(imported.bytes_fetched),
            total.as_secs_f64(),
            peak.map_or_else(|| "unknown".to_owned(), |bytes| Size(bytes).to_string())
        ));
        for peer in self.peers {
            if peer.killed {
                terminal
                    .say(&format!("   {} was killed; the others gave what it owed", peer.label));
            }
            if self.finished.banned.contains_key(&peer.id) {
                terminal.say(&format!("   {} lied, was caught and banned", peer.label));
            }
        }
        let trouble = self.trouble();
        for line in &trouble {
            terminal.say(&format!("   NOT as it should be: {line}"));
        }
        let values = [
            ("artifact_bytes", json!(self.model.bytes)),
            ("pieces", json!(self.model.geometry.piece_count())),
            ("seconds_transfer", json!(rounded(transfer))),
            ("seconds_import", json!(rounded(import))),
            ("seconds_processor", json!(self.worked.map(|time| rounded(time.as_secs_f64())))),
            ("seconds_total", json!(rounded(total.as_secs_f64()))),
            ("mib_per_s", json!(rounded(rate))),
            ("peak_rss_bytes", json!(peak)),
            ("download_limit", json!(limit)),
            ("peers", self.peers()),
            ("artifact", json!(printable(&named.artifact.to_string_lossy()))),
            ("receipt", json!(printable(&named.receipt.to_string_lossy()))),
        ];
        if let Some(first) = trouble.first() {
            let code = Code::new("io", "failed");
            let advice = "Run it again with -v, and report it if it stays.";
            let mut fault = Fault::new(code, "demo", first.clone(), advice);
            for (key, value) in values {
                fault = fault.with(key, value);
            }
            return Err(fault.with("verdict", code.to_string()));
        }
        terminal.say("Everything checked out.");
        let mut outcome = Outcome::new().warn(&self.finished.warnings).with("verdict", "ok");
        for (key, value) in values {
            outcome = outcome.with(key, value);
        }
        Ok(outcome.told())
    }

    /// What should have happened and did not.
    fn trouble(&self) -> Vec<String> {
        let mut trouble = Vec::new();
        for peer in self.peers {
            let banned = self.finished.banned.contains_key(&peer.id);
            if peer.lies && !banned {
                trouble.push(uncaught(&peer.label, self.asked.contains(&peer.id)));
            }
            if !peer.lies && banned {
                trouble.push(format!("{} was banned and did not lie", peer.label));
            }
        }
        if self.args.kill && !self.peers.iter().any(|peer| peer.killed) {
            trouble.push("no peer was killed".to_owned());
        }
        let pieces: u64 = self.finished.imported.contributions.iter().map(|peer| peer.pieces).sum();
        if pieces != u64::from(self.model.geometry.piece_count()) {
            trouble.push(format!("{pieces} pieces came from peers, not all"));
        }
        trouble
    }

    fn peers(&self) -> Value {
        let given = &self.finished.imported.contributions;
        self.peers
            .iter()
            .map(|peer| {
                let gave = given.iter().find(|given| given.id == peer.id);
                json!({
                    "id": peer.id.to_string(),
                    "label": peer.label,
                    "pieces": gave.map_or(0, |gave| gave.pieces),
                    "bytes": gave.map_or(0, |gave| gave.bytes),
                    "banned": self.finished.banned.contains_key(&peer.id),
                    "killed": peer.killed,
                })
            })
            .collect()
    }
}

/// What is said of a liar that was not caught. Everything that is kept was verified, so no lie of it
/// can have been taken for the truth.
fn uncaught(label: &str, was_asked: bool) -> String {
    let why = match was_asked {
        true => "was asked, but no wrong piece of it came before the import was done",
        false => "was never asked for a piece",
    };
    format!("{label} {why}, so there was no lie to be caught")
}

/// Three digits behind the point.
pub(super) fn rounded(number: f64) -> f64 {
    (number * 1_000.0).round() / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::uncaught;

    #[test]
    fn who_was_never_asked_is_not_said_to_have_lied() {
        let said = "peer-3 was never asked for a piece, so there was no lie to be caught";
        assert_eq!(uncaught("peer-3", false), said);
        assert!(uncaught("peer-3", true).starts_with("peer-3 was asked, but no wrong piece"));
    }
}
