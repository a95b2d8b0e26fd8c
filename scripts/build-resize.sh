#!/bin/sh
# Compiles src/stages/image/resize.c to WebAssembly and writes it, in base64, to resize-wasm.ts beside it.
# Needs clang and lld (Debian: apt-get install clang lld).
set -eu
cd "$(dirname "$0")/../src/stages/image"
wasm=$(mktemp)
trap 'rm -f "$wasm"' EXIT
clang --target=wasm32 -O3 -msimd128 -nostdlib -fno-builtin -Wall -Wextra -Wl,--no-entry -Wl,--import-memory \
  -Wl,-z,stack-size=4096 -Wl,--strip-all -o "$wasm" resize.c
{
  echo '/** @file resize.c as WebAssembly, in base64; made by scripts/build-resize.sh. */'
  echo
  echo '/** Exports `across`, `down` and `split`, imports `env.memory`. */'
  echo 'export const resizeWasm ='
  echo "  \"$(base64 -w 0 "$wasm")\";"
} >resize-wasm.ts
