#!/bin/sh
# Generates src/graph/proto/onnx_pb.ts from onnx.proto; the generators are fetched outside the project.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$root/src/graph/proto/onnx.proto" "$work/"
cd "$work"
cat > buf.gen.yaml <<'GEN'
version: v2
plugins:
  - local: protoc-gen-es
    out: out
    opt: [target=ts, import_extension=js]
GEN
npx --yes -p @bufbuild/buf@1.75.0 -p @bufbuild/protoc-gen-es@2.12.1 buf generate
cp out/onnx_pb.ts "$root/src/graph/proto/onnx_pb.ts"
