# One word for each thing to do; the longer ones are scripts. Swift builds share .build in the release configuration.
.PHONY: demo test test-swift test-c test-arm64 test-sanitized lint format install-check consumer traits bench bench-eager bench-build clean

demo:
	scripts/setup demo
	swift run -c release octet demo

test:
	scripts/setup test
	scripts/test swift c arm64

test-swift test-c test-arm64 test-sanitized:
	scripts/setup test
	scripts/test $(@:test-%=%)

lint:
	scripts/setup lint
	scripts/lint

format:
	scripts/setup lint
	scripts/format

install-check:
	scripts/setup cmake
	scripts/install-check

consumer:
	scripts/setup demo
	scripts/consumer

traits:
	scripts/setup demo
	scripts/traits

bench:
	scripts/setup cmake
	scripts/setup demo
	cmake -S . -B build-bench -G Ninja -DCMAKE_BUILD_TYPE=Release -DOCTET_TESTS=OFF
	cmake --build build-bench
	swift run -c release octet bench

bench-eager:
	scripts/setup demo
	swift package --package-path Benchmarks benchmark

bench-build:
	scripts/setup demo
	swift build --package-path Benchmarks -c release

clean:
	rm -rf .build .build-* build build-* Benchmarks/.build
