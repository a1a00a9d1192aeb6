//! The Debian package in a clean system: installed, run as a service, upgraded, removed and purged.

use std::path::Path;
use std::process::Command;

use crate::support::{lacks, root, skip, systemd};

/// Builds two packages: of the tested program, and of the version before, which is the program that `PROGRAM_BEFORE` names,
/// or else the tested one under a lower version.
fn build_packages(folder: &Path) {
    let program = env!("CARGO_BIN_EXE_irispool");
    let before = std::env::var("PROGRAM_BEFORE").unwrap_or_else(|_| program.to_owned());
    for (version, name, program) in [("0.1.0~before", "before.deb", &*before), ("0.1.0", "now.deb", program)]
    {
        // A program with its debugging symbols is ten times as large.
        let stripped = folder.join("irispool");
        let strip = Command::new("strip").arg("-o").arg(&stripped).arg(program).status();
        assert!(strip.unwrap().success());
        let built = Command::new(root().join("scripts/debian/build"))
            .args([&stripped, &stripped, &folder.join(name)])
            .arg(version)
            .env("COMPRESSION", "none")
            .output()
            .unwrap();
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    }
}

#[track_caller]
fn assert_says(steps: &str, wanted: &[&str]) {
    if Command::new("dpkg-deb").arg("--version").output().is_err() {
        return skip("dpkg-deb is missing");
    }
    if Command::new("strip").arg("--version").output().is_err() {
        return lacks("strip is missing");
    }
    if let Some(said) = systemd::run_on_debian(build_packages, steps) {
        assert_eq!(said, wanted);
    }
}

#[test]
fn the_package_is_installed_serves_is_upgraded_and_purged() {
    let steps = r#"
        exec 2>&1
        installed() { dpkg-query -W -f '${db:Status-Status} ${Version}\n' irispool; }
        settings=/etc/irispool/irispool.toml
        dpkg -i /try/before.deb >/dev/null
        installed
        stat -c '%U:%G %a %n' $settings /var/lib/irispool
        ls /usr/bin/irispool /usr/share/man/man1/irispool-run.1.gz /usr/share/bash-completion/completions/irispool
        systemctl is-active irispool@1 || true
        echo 'status_disk_critical = 100' >>$settings
        as_iris irispool check >/dev/null && echo "check is content"

        put one
        systemctl -q enable --now irispool@1
        wait_for has_rows 1
        first=$(pid)

        dpkg -i /try/now.deb >/dev/null
        installed
        is_another() { test "$(pid)" != "$first" && systemctl -q is-active irispool@1; }
        wait_for is_another
        put two
        wait_for has_rows 2
        grep -c 'status_disk_critical = 100' $settings
        stat -c '%U:%G %a %n' $settings
        echo "upgraded"

        dpkg -r irispool >/dev/null
        systemctl is-active irispool@1 || true
        ls -d $settings /var/lib/irispool
        put three
        dpkg -P irispool >/dev/null
        ls -d /etc/irispool /etc/systemd/system/multi-user.target.wants/irispool@1.service 2>/dev/null || true
        ls /var/lib/irispool | grep -x irispool.db
        ls $spool/incoming/FREQ
        id -un iris
    "#;
    let wanted = [
        "installed 0.1.0~before",
        "root:iris 640 /etc/irispool/irispool.toml",
        "iris:iris 755 /var/lib/irispool",
        "/usr/bin/irispool",
        "/usr/share/bash-completion/completions/irispool",
        "/usr/share/man/man1/irispool-run.1.gz",
        "inactive",
        "check is content",
        "installed 0.1.0",
        "1",
        "root:iris 640 /etc/irispool/irispool.toml",
        "upgraded",
        "inactive",
        "/etc/irispool/irispool.toml",
        "/var/lib/irispool",
        "irispool: /var/lib/irispool stays, with its messages and its database, and so does the user iris.",
        "irispool: to delete them for good: rm -r /var/lib/irispool; userdel iris",
        "irispool.db",
        "three",
        "iris",
    ];
    assert_says(steps, &wanted);
}

/// Where nothing ever came, nothing stays.
#[test]
fn what_was_never_used_is_purged_without_a_trace() {
    let steps = r#"
        exec 2>&1
        # Programs that change users keep the file before the change under its name with a dash.
        all() { find / -xdev -path /proc -prune -o -path /tmp -prune -o -path /var/log -prune -o -not -name '*-' -print | sort; }
        all >/tmp/before
        dpkg -i /try/now.deb >/dev/null
        dpkg -P irispool >/dev/null
        all >/tmp/after
        diff /tmp/before /tmp/after && echo "nothing is left"
        getent passwd iris || echo "no user"

        # A user that was there before stays.
        useradd --system iris
        dpkg -i /try/now.deb >/dev/null
        dpkg -P irispool >/dev/null
        id -un iris
    "#;
    assert_says(steps, &["nothing is left", "no user", "iris"]);
}
