#!/bin/sh
# Builds an arm64 Debian with ONNX Runtime and LiteRT that start.sh runs as a board, in FOLDER (500 MB).
#
#     build.sh FOLDER
#
# Needs debootstrap, qemu-user-static, openssh-client and Python with pip; takes about two minutes. Nothing of
# arm64 runs while it is built: packages are only unpacked, and what their scripts would do for us is below.
set -eu
folder=$(mkdir -p "$1" && cd "$1" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-python3}
board=$folder/arm64
site=$board/usr/lib/python3/dist-packages

unpack_debian() {
    test -d "$board/var/cache/apt/archives" || debootstrap --arch=arm64 --foreign --variant=minbase \
        --include=python3,python3-pip,openssh-server,openssh-sftp-server bookworm "$board"
    for package in "$board"/var/cache/apt/archives/*.deb; do dpkg -x "$package" "$board"; done
    ln -sf dash "$board/usr/bin/sh"
}

unpack_runtimes() {
    "$python" -m pip download --quiet --no-deps --only-binary=:all: --python-version 3.11 \
        --platform manylinux_2_28_aarch64 --platform manylinux_2_27_aarch64 \
        --platform manylinux_2_17_aarch64 --platform manylinux2014_aarch64 --dest "$folder/wheels" \
        ai-edge-litert onnxruntime numpy flatbuffers protobuf
    for wheel in "$folder"/wheels/*.whl; do "$python" -m zipfile -e "$wheel" "$site"; done
}

write_accounts() {
    printf 'root:x:0:0:root:/root:/bin/sh\nsshd:x:100:65534::/run/sshd:/usr/sbin/nologin\n' >"$board/etc/passwd"
    printf 'root:x:0:\nnogroup:x:65534:\ntty:x:5:\n' >"$board/etc/group"
    printf 'root:*:1::::::\nsshd:*:1::::::\n' >"$board/etc/shadow"
    mkdir -p "$board/root/.ssh" "$board/run/sshd"
    chmod 1777 "$board/tmp"
    test -f "$folder/key" || ssh-keygen -q -t ed25519 -N '' -C board -f "$folder/key"
    test -f "$board/etc/ssh/host_key" || ssh-keygen -q -t ed25519 -N '' -C board -f "$board/etc/ssh/host_key"
    cp "$folder/key.pub" "$board/root/.ssh/authorized_keys"
}

# Libraries ask /proc/cpuinfo for the kind of processor and fail where it speaks of another.
write_cpuinfo() {
    for core in $(seq 0 $(($(nproc) - 1))); do
        printf 'processor\t: %s\nBogoMIPS\t: 108.00\nFeatures\t: fp asimd evtstrm crc32 cpuid\n' "$core"
        printf 'CPU implementer\t: 0x41\nCPU architecture: 8\nCPU variant\t: 0x0\n'
        printf 'CPU part\t: 0xd08\nCPU revision\t: 3\n\n'
    done >"$folder/cpuinfo"
}

unpack_debian
unpack_runtimes
write_accounts
write_cpuinfo
cp "$here/start.sh" "$here/namespace.py" "$folder"
echo "built: $folder/start.sh runs it"
