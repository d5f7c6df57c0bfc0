#!/bin/sh
# Runs the board that build.sh built beside this file, till it is ended, as root:
#
#     start.sh [PORT]
#
# Its sshd listens on 127.0.0.1. Its processor is emulated: its answers are an ARM processor's, its times
# are nobody's.
set -eu
folder=$(cd "$(dirname "$0")" && pwd)
board=$folder/arm64

if test "${1:-}" != inside; then
    port=${1:-2222}
    printf '[127.0.0.1]:%s %s\n' "$port" "$(cat "$board/etc/ssh/host_key.pub")" >"$folder/known_hosts"
    printf 'Host board\n    HostName 127.0.0.1\n    Port %s\n    User root\n    IdentityFile %s\n' \
        "$port" "$folder/key" >"$folder/ssh_config"
    printf '    IdentitiesOnly yes\n    UserKnownHostsFile %s\n' "$folder/known_hosts" >>"$folder/ssh_config"
    echo "MICRONET_EDGE_SSH='ssh -F $folder/ssh_config' micronet-edge bench FILE --device ssh://board"
    exec python3 "$folder/namespace.py" "$0" inside "$port"
fi

mount --make-rprivate /
mount -t binfmt_misc none /proc/sys/fs/binfmt_misc
cat /usr/lib/binfmt.d/qemu-aarch64.conf >/proc/sys/fs/binfmt_misc/register
mount --rbind /proc "$board/proc"
mount --bind "$folder/cpuinfo" "$board/proc/cpuinfo"
mount --rbind /sys "$board/sys"
for device in null zero random urandom tty; do
    touch "$board/dev/$device"
    mount --bind "/dev/$device" "$board/dev/$device"
done

# Every program there is started anew by qemu, which takes the kind of processor from the environment: with
# the newest kind that qemu knows, int8 results are wrong.
export QEMU_CPU=cortex-a72
exec chroot "$board" /usr/sbin/sshd -D -e -f /dev/null -o Port="$2" -o ListenAddress=127.0.0.1 \
    -o HostKey=/etc/ssh/host_key -o AuthorizedKeysFile=.ssh/authorized_keys -o PidFile=none \
    -o StrictModes=no -o UsePAM=no -o PermitRootLogin=yes -o SetEnv=QEMU_CPU=cortex-a72
