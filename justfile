# The daily loop. Every step stands in tests/run, which needs no `just`.

# Lists the recipes.
default:
    @just --list

# Formats the code.
fmt:
    ./tests/run fmt

# Looks whether the code is formatted.
fmt-check:
    ./tests/run fmt-check

# Clippy, every warning an error.
lint:
    ./tests/run lint

# Unit, integration and documentation tests.
test:
    ./tests/run test

# Rustdoc, every warning an error.
doc:
    ./tests/run doc

# What the client programs need: Python and Node packages, and tools that are missing.
install:
    ./tests/run install

# The binary as packages have it; optimized, full and clients take another one if TRUNKLINE_BIN names it.
build:
    ./tests/run build

# The end-to-end tests against that binary, and the tests of what counts, compiled with optimizations.
optimized:
    ./tests/run optimized

# What CI has no time for: those tests that have more to do, with all of it.
full:
    ./tests/run full

# Real client programs in Python, Node and the shell, against that binary.
clients:
    ./tests/run clients

# The binary of the dist profile, which must not grow past 25 MB.
size:
    ./tests/run size

# Measures Trunkline against a bare proxy; flags such as `--quick` or `--lanes chat-200b,stream-*`.
bench *flags:
    BENCH_FLAGS="{{ flags }}" ./tests/run bench

# The same, with LiteLLM, Portkey and nginx where they are installed.
bench-peers *flags:
    BENCH_FLAGS="{{ flags }}" ./tests/run bench-peers

# Instructions a request, against the figures in crates/bench/gate.json; `--write` keeps new ones.
gate *flags:
    GATE_FLAGS="{{ flags }}" ./tests/run gate

# The bundled prices anew, from a price file in LiteLLM's form and words on where it is from.
prices file source:
    cargo run -p trunkline-prices --example compile_table -- "{{ file }}" "{{ source }}"

# Licences, bans and sources; needs cargo-deny.
deny:
    ./tests/run deny

# Everything that CI runs.
ci:
    ./tests/run ci

# The server, such as `just run --config configs/local.yaml`.
run *flags:
    cargo run --release -- {{ flags }}

# Chats with a real small model through Trunkline; compiles llama.cpp the first time.
real-model:
    ./tests/run real-model
