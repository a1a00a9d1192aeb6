//! A systemd of the test's own: this machine's files, or those of a new Debian system, under a layer that is thrown away, in
//! a container that has no network.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{is_root, lacks, skip};

/// Mounts, and the cgroups that systemd wants, are in a name space of their own. `$1` is the test's folder, `$2` the files
/// under the layer; the other arguments are nspawn's.
const BOOT: &str = r#"
cd "$1"
mount -t tmpfs tmpfs layer
mkdir layer/upper layer/work layer/root
mount -t overlay -o "lowerdir=$2,upperdir=layer/upper,workdir=layer/work" overlay layer/root
shift 2
umount -R /sys/fs/cgroup
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mkdir -p "/sys/fs/cgroup/irispool-test-$$"
echo $$ > "/sys/fs/cgroup/irispool-test-$$/cgroup.procs"
export SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1
exec systemd-nspawn --quiet --register=no --keep-unit --private-network --private-users=no --console=pipe \
    --machine="irispool-test-$$" --directory=layer/root --bind="$PWD/shared:/try" "$@" --boot systemd.unit=try.target
"#;

const TARGET: &str = "[Unit]\nRequires=basic.target try.service\nAfter=basic.target\nAllowIsolate=yes\n";

/// It ends with the steps, whatever they come to.
const STEPS: &str = "[Unit]\nAfter=basic.target\nSuccessAction=poweroff-force\nFailureAction=poweroff-force\n\
    [Service]\nType=oneshot\nExecStart=/bin/sh -eu /try/steps\nStandardOutput=file:/try/said\n\
    StandardError=file:/try/erred\n";

/// `wait_for WHAT` waits until a command succeeds; `put NAME` is the client.
const WORDS: &str = r#"
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export IRISPOOL_CONFIG=/etc/irispool/irispool.toml
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

/// As docs/operate.md says to install it.
const INSTALL: &str = "
id -u iris >/dev/null 2>&1 || useradd --system --home-dir /var/lib/irispool iris
install -D -m 640 -g iris /try/irispool.toml $IRISPOOL_CONFIG
";

const SETTINGS: &str = "spool = \"/var/lib/irispool/spool\"\nwarehouse = \"sqlite:/var/lib/irispool/iris.db\"\n\
                        status_disk_critical = 100\n";

/// Runs `steps` in sh where the unit is installed. Gives the lines that they say; none where this machine can't.
#[track_caller]
pub(crate) fn run(steps: &str) -> Option<Vec<String>> {
    let container = Container::new()?;
    let unit = crate::support::root().join("scripts/systemd/irispool@.service");
    fs::copy(unit, container.path("units/irispool@.service")).unwrap();
    fs::write(container.path("shared/irispool.toml"), SETTINGS).unwrap();
    let units = format!("--bind-ro={}:/etc/systemd/system", container.path("units").display());
    let program = concat!("--bind-ro=", env!("CARGO_BIN_EXE_irispool"), ":/usr/local/bin/irispool");
    container.boot(Path::new("/"), &[&units, program], &[WORDS, INSTALL, steps].concat())
}

/// The same in a Debian system that has never seen irispool, see `scripts/test`. `prepare` gets a folder that is `/try` there.
#[track_caller]
pub(crate) fn run_on_debian(prepare: impl FnOnce(&Path), steps: &str) -> Option<Vec<String>> {
    let container = Container::new()?;
    let Some(debian) = std::env::var_os("DEBIAN_ROOT").filter(|root| Path::new(root).is_dir()) else {
        // It needs Debian below, and a network.
        skip("no Debian root: scripts/test makes one with mmdebstrap");
        return None;
    };
    prepare(&container.path("shared"));
    let units = format!("--bind-ro={}:/run/systemd/system", container.path("units").display());
    container.boot(Path::new(&debian), &[&units], &[WORDS, steps].concat())
}

/// The folder from which a container is booted: `units` for its systemd, `shared` for both sides, and `layer`.
struct Container(tempfile::TempDir);

impl Container {
    fn new() -> Option<Container> {
        if !is_root() {
            skip("not root");
            return None;
        }
        if !Path::new("/usr/bin/systemd-nspawn").exists() {
            lacks("no systemd-nspawn");
            return None;
        }
        let container = Container(tempfile::tempdir().unwrap());
        fs::set_permissions(container.0.path(), Permissions::from_mode(0o755)).unwrap();
        for name in ["units", "shared", "layer"] {
            fs::create_dir(container.path(name)).unwrap();
        }
        fs::write(container.path("units/try.target"), TARGET).unwrap();
        fs::write(container.path("units/try.service"), STEPS).unwrap();
        Some(container)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn boot(&self, below: &Path, options: &[&str], steps: &str) -> Option<Vec<String>> {
        fs::write(self.path("shared/steps"), steps).unwrap();
        let mut boot = Command::new("timeout");
        boot.args(["--kill-after=5", "170", "unshare", "--mount", "--propagation", "private"]);
        boot.args(["sh", "-euc", BOOT, "sh"]).arg(self.0.path()).arg(below).args(options);
        let output = boot.stdin(Stdio::null()).output().unwrap();
        let read = |name: &str| fs::read_to_string(self.path(name)).unwrap_or_default();
        let (said, erred) = (read("shared/said"), read("shared/erred"));
        if said.is_empty() && erred.is_empty() {
            skip(&format!("no systemd starts here: {}", String::from_utf8_lossy(&output.stderr).trim()));
            return None;
        }
        // Shown where the test fails.
        println!("{said}\n{erred}");
        Some(said.lines().map(str::to_owned).collect())
    }
}
