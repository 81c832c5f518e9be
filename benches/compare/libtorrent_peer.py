"""A peer made of libtorrent: serves a file, or fetches it from the ports that are named and says
after how many seconds all its pieces were there.

libtorrent_peer.py TORRENT FOLDER PORT [PORT-OF-SERVER ...]
"""

import sys
import time

import libtorrent as lt

SEEN = lt.alert.category_t

begun = time.monotonic()
torrent, folder, port, *servers = sys.argv[1:]
session = lt.session({
    "listen_interfaces": f"127.0.0.1:{port}", "outgoing_interfaces": "127.0.0.1",
    "enable_dht": False, "enable_lsd": False, "enable_upnp": False, "enable_natpmp": False,
    "enable_incoming_utp": False, "enable_outgoing_utp": False,
    "in_enc_policy": lt.enc_policy.pe_disabled, "out_enc_policy": lt.enc_policy.pe_disabled,
    "allow_multiple_connections_per_ip": True,
    "alert_mask": SEEN.status_notification | SEEN.storage_notification,
})
adding = lt.add_torrent_params()
adding.ti = lt.torrent_info(torrent)
adding.save_path = folder
# Without this it is the library that decides when a torrent runs.
adding.flags &= ~(lt.torrent_flags.auto_managed | lt.torrent_flags.paused)
handle = session.add_torrent(adding)
if not servers:
    while True:
        time.sleep(3600)
for server in servers:
    handle.connect_peer(("127.0.0.1", int(server)))


def wait_for(alert):
    while True:
        session.wait_for_alert(100)
        if any(isinstance(came, alert) for came in session.pop_alerts()):
            return


wait_for(lt.torrent_finished_alert)
print(f"{time.monotonic() - begun:.3f}")
# The file is there once all of it was handed to the system.
handle.flush_cache()
wait_for(lt.cache_flushed_alert)
