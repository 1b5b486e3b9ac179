#!/bin/sh
# Regenerates the Swift code of the protobuf descriptions. The result is committed, so that a build needs no protoc.
#
# Needs: protoc (Debian: protobuf-compiler). The Swift plugin is $PROTOC_GEN_SWIFT, or is built from the swift-protobuf
# checkout that the package resolved, so that generator and runtime have the same version.
set -eu
cd "$(dirname "$0")/.."

scratch=${SCRATCH_PATH:-.build}
if [ -z "${PROTOC_GEN_SWIFT:-}" ]; then
    checkout="$scratch/checkouts/swift-protobuf"
    [ -d "$checkout" ] || swift package --scratch-path "$scratch" resolve
    # A checkout that was cloned without submodules may lack what the whole package needs; the one product does not.
    swift build --package-path "$checkout" --scratch-path "$scratch/protoc-gen-swift" -c release --product protoc-gen-swift
    PROTOC_GEN_SWIFT="$scratch/protoc-gen-swift/release/protoc-gen-swift"
fi

# generate FOLDER FILE.proto VISIBILITY: writes FOLDER/Generated/FILE.pb.swift
generate() {
    if [ ! -s "$1/$2" ]; then
        echo "regenerate-protobuf: $1/$2 is empty, skipped" >&2
        return 0
    fi
    mkdir -p "$1/Generated"
    protoc --plugin="protoc-gen-swift=$PROTOC_GEN_SWIFT" --proto_path="$1" \
        --swift_opt=Visibility="$3" --swift_opt=UseAccessLevelOnImports=true \
        --swift_out="$1/Generated" "$2"
    # The generator declares its shared default instances `nonisolated(unsafe)` but reads them without the `unsafe` that
    # strict memory safety wants.
    sed -i 's/ = _StorageClass\.defaultInstance$/ = unsafe _StorageClass.defaultInstance/' \
        "$1/Generated/$(basename "$2" .proto).pb.swift"
    echo "regenerate-protobuf: wrote $1/Generated/$(basename "$2" .proto).pb.swift" >&2
}

# Package: the tests make model messages by hand.
generate Sources/Shared/ONNXFormat onnx.proto Package
generate Sources/Shared/Wire tare.proto Internal
