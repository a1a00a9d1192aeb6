//! The unit under a real systemd.

use crate::support::systemd;

#[track_caller]
fn assert_says(steps: &str, wanted: &[&str]) {
    if let Some(said) = systemd::run(steps) {
        assert_eq!(said, wanted);
    }
}

#[test]
fn it_delivers_is_started_again_after_a_crash_and_stops() {
    let steps = r#"
        systemctl start irispool@1
        put one
        wait_for has_rows 1
        irispool status >/dev/null && echo "root sees that all is well"
        first=$(pid)
        systemctl kill -s KILL irispool@1
        put two
        wait_for has_rows 2
        test "$(pid)" != "$first" && echo "started again"
        systemctl stop irispool@1
        systemctl show irispool@1 | grep -x "Result=.*"
    "#;
    assert_says(steps, &["root sees that all is well", "started again", "Result=success"]);
}

#[test]
fn it_may_write_its_own_folders_and_nothing_else() {
    let steps = r#"
        systemctl start irispool@1
        for folder in / /dev/mqueue /dev/shm /etc /etc/irispool /home /opt /root /run /run/lock /srv /tmp /usr/local \
            /var /var/lib /var/lib/irispool /var/log /var/tmp
        do
            chmod a+w /etc/irispool /srv
            nsenter -t "$(pid)" -m setpriv --reuid=iris --regid=iris --clear-groups touch "$folder/x" 2>/dev/null &&
                echo "$folder"
        done
        ls /dev/mqueue/x /tmp/x /var/tmp/x 2>/dev/null || echo "these but one are its own"
        tr '\t' ' ' <"/proc/$(pid)/status" | grep -E "^(NoNewPrivs|CapEff|Seccomp):"
    "#;
    let wanted = [
        "/dev/mqueue",
        "/tmp",
        "/var/lib/irispool",
        "/var/tmp",
        "these but one are its own",
        "CapEff: 0000000000000000",
        "NoNewPrivs: 1",
        "Seccomp: 2",
    ];
    assert_says(steps, &wanted);
}

#[test]
fn what_the_client_leaves_in_shared_memory_outlives_the_last_worker() {
    let steps = r#"
        as_iris touch /dev/shm/of-the-client
        systemctl start irispool@1
        systemctl stop irispool@1
        ls /dev/shm
    "#;
    assert_says(steps, &["of-the-client"]);
}

/// With shorter times than the unit's own.
#[test]
fn one_that_hangs_is_killed_and_started_again() {
    let steps = r#"
        mkdir -p /run/systemd/system/irispool@.service.d
        printf '[Service]\nWatchdogSec=2\nRestartSec=1\n' >/run/systemd/system/irispool@.service.d/quick.conf
        systemctl daemon-reload
        systemctl start irispool@1
        first=$(pid)
        kill -STOP "$first"
        is_another() { test "$(pid)" != "$first" && systemctl -q is-active irispool@1; }
        wait_for is_another
        journalctl -u irispool@1 -o cat --no-pager | grep -o "Failed with result .*"
        put one
        wait_for has_rows 1
        echo delivers
    "#;
    assert_says(steps, &["Failed with result 'watchdog'.", "delivers"]);
}

/// Nor does the boot.
#[test]
fn its_start_does_not_wait_for_the_warehouse() {
    let steps = r#"
        cat >/tmp/hold.py <<'END'
import sqlite3, time
db = sqlite3.connect("/var/lib/irispool/iris.db", isolation_level=None)
db.execute("PRAGMA locking_mode = EXCLUSIVE")
db.execute("BEGIN EXCLUSIVE")
open("/tmp/held", "w").close()
time.sleep(1000)
END
        install -d -o iris -g iris /var/lib/irispool
        setpriv --reuid=iris --regid=iris --clear-groups python3 /tmp/hold.py &
        wait_for test -e /tmp/held
        timeout 60 systemctl start irispool@1
        status() { systemctl show -P StatusText irispool@1; }
        waits() { status | grep -q "^waits for the warehouse: .*locked"; }
        wait_for waits
        kill $!
        put one
        wait_for has_rows 1
        delivers() { test "$(status)" = "1 message delivered, 0 dead"; }
        wait_for delivers
        echo "started, waited, delivered"
    "#;
    assert_says(steps, &["started, waited, delivered"]);
}

#[test]
fn the_journal_knows_an_error_from_a_warning() {
    let steps = r#"
        systemctl start irispool@1
        as_iris mkdir -p $spool/incoming/FREQ
        echo rubbish | as_iris tee $spool/incoming/FREQ/rubbish >/dev/null
        dead() { journalctl -p warning..warning -u irispool@1 -o cat --no-pager | grep -o "a message went to dead"; }
        wait_for dead
        echo "IRISPOOL_CLAIM_FILES=lots" >/etc/irispool/2.env
        systemctl start irispool@2 || journalctl -p err -t irispool -o cat --no-pager
    "#;
    let wanted = [
        "a message went to dead",
        "error: the environment variable IRISPOOL_CLAIM_FILES=lots should be a whole number",
        "hint: the default is 2000",
    ];
    assert_says(steps, &wanted);
}
