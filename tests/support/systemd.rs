//! A systemd of the test's own: this machine's files under a layer that is thrown away, in a container that has no network.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use super::{is_root, lacks, skip};

/// Mounts, and the cgroups that systemd wants, are in a name space of their own.
const BOOT: &str = r#"
cd "$1"
mount -t tmpfs tmpfs layer
mkdir layer/upper layer/work layer/root
mount -t overlay -o lowerdir=/,upperdir=layer/upper,workdir=layer/work overlay layer/root
umount -R /sys/fs/cgroup
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mkdir -p "/sys/fs/cgroup/irispool-test-$$"
echo $$ > "/sys/fs/cgroup/irispool-test-$$/cgroup.procs"
export SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1
exec systemd-nspawn --quiet --register=no --keep-unit --private-network --private-users=no --console=pipe \
    --machine="irispool-test-$$" --directory=layer/root \
    --bind-ro="$PWD/units:/etc/systemd/system" --bind="$PWD/shared:/try" --bind-ro="$2:/usr/local/bin/irispool" \
    --boot systemd.unit=try.target
"#;

const TARGET: &str = "[Unit]\nRequires=basic.target try.service\nAfter=basic.target\nAllowIsolate=yes\n";

/// It ends with the steps, whatever they come to.
const STEPS: &str = "[Unit]\nAfter=basic.target\nSuccessAction=poweroff-force\nFailureAction=poweroff-force\n\
    [Service]\nType=oneshot\nExecStart=/bin/sh -eu /try/steps\nStandardOutput=file:/try/said\n\
    StandardError=file:/try/erred\n";

/// As docs/operate.md says to install it. `wait_for WHAT` waits until a command succeeds; `put NAME` is the client.
const INSTALL: &str = r#"
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export IRISPOOL_CONFIG=/etc/irispool/irispool.toml
id -u iris >/dev/null 2>&1 || useradd --system --home-dir /var/lib/irispool iris
install -D -m 640 -g iris /try/irispool.toml $IRISPOOL_CONFIG
spool=/var/lib/irispool/spool
as_iris() { setpriv --reuid=iris --regid=iris --clear-groups "$@"; }
put() {
    as_iris mkdir -p $spool/incoming/FREQ
    echo '[{"dataset":"FREQ","measurementTime":"2025-10-28T03:59:00Z","frequency":50.01}]' |
        as_iris tee "$spool/incoming/FREQ/$1" >/dev/null
}
has_rows() { test "$(as_iris irispool query --format csv 'SELECT count(*) FROM bmrs_freq_iris' | tail -1 | tr -d '\r')" = "$1"; }
wait_for() {
    for try in $(seq 900); do if "$@"; then return; fi; sleep 0.1; done
    echo "waited in vain: $*"; exit 1
}
pid() { systemctl show -P MainPID irispool@1; }
"#;

/// Runs `steps` in sh where the unit is installed. Gives the lines that they say; none where this machine can't.
#[track_caller]
pub(crate) fn run(steps: &str) -> Option<Vec<String>> {
    if !is_root() {
        skip("not root");
        return None;
    }
    if !Path::new("/usr/bin/systemd-nspawn").exists() {
        lacks("no systemd-nspawn");
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    let path = |name: &str| folder.path().join(name);
    for name in ["units", "shared", "layer"] {
        fs::create_dir(path(name)).unwrap();
    }
    let unit = crate::support::root().join("scripts/systemd/irispool@.service");
    fs::copy(unit, path("units/irispool@.service")).unwrap();
    fs::write(path("units/try.target"), TARGET).unwrap();
    fs::write(path("units/try.service"), STEPS).unwrap();
    let settings = "spool = \"/var/lib/irispool/spool\"\nwarehouse = \"sqlite:/var/lib/irispool/iris.db\"\n\
                    status_disk_critical = 100\n";
    fs::write(path("shared/irispool.toml"), settings).unwrap();
    fs::write(path("shared/steps"), [INSTALL, steps].concat()).unwrap();
    let mut boot = Command::new("timeout");
    boot.args(["--kill-after=5", "170", "unshare", "--mount", "--propagation", "private"]);
    boot.args(["sh", "-euc", BOOT, "sh"]).arg(folder.path()).arg(env!("CARGO_BIN_EXE_irispool"));
    let output = boot.stdin(Stdio::null()).output().unwrap();
    let read = |name: &str| fs::read_to_string(path(name)).unwrap_or_default();
    let (said, erred) = (read("shared/said"), read("shared/erred"));
    if said.is_empty() && erred.is_empty() {
        skip(&format!("no systemd starts here: {}", String::from_utf8_lossy(&output.stderr).trim()));
        return None;
    }
    // Shown where the test fails.
    println!("{said}\n{erred}");
    Some(said.lines().map(str::to_owned).collect())
}
