#!/bin/sh
# Generates the TypeScript of every .proto file (onnx, Spark Connect); the generators are fetched outside the project.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/buf.gen.yaml" <<'GEN'
version: v2
plugins:
  - local: protoc-gen-es
    out: out
    opt: [target=ts, import_extension=js]
GEN
for name in graph/proto/onnx engines/spark/proto/spark_connect; do
  cp "$root/src/$name.proto" "$work/"
done
cd "$work"
npx --yes -p @bufbuild/buf@1.75.0 -p @bufbuild/protoc-gen-es@2.12.1 buf generate
for name in graph/proto/onnx engines/spark/proto/spark_connect; do
  cp "out/$(basename "$name")_pb.ts" "$root/src/${name}_pb.ts"
done
