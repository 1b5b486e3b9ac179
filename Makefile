# demo    installs what is needed, builds, calibrates the bundled digits model with two workers, prints both accuracies
# test    installs what is needed, builds, runs every test
# check   format, lint and documentation checks
# deploy-check  check, for the files that start Tare on clusters, every option and command line against the release build
# build   release build of the command-line tool
# faults  kills, stops, starves and cuts off real processes (release build, about 17 minutes, some of it as root)
# simulate  many simulated clusters with faults: make simulate SEEDS=1000000 [FIRST=1]
# conformance  counts what passes of all 1,884 single-operator cases of the pip package onnx (several minutes)
# fuzz    every reader of foreign files against libFuzzer: make fuzz [SECONDS=600] [JOBS=1] [TARGETS="npz tar"]
# bench   the benchmarks (release build, several minutes)
# clean   removes everything that the other rules made
.PHONY: demo test check deploy-check build bench conformance faults simulate fuzz clean setup

DEBUG_BUILD = --scratch-path .build --explicit-target-dependency-import-check error
RELEASE_BUILD = -c release --scratch-path .build-release

setup:
	@scripts/setup.sh

build: setup
	swift build $(RELEASE_BUILD) --product tare

demo: build
	@scripts/demo.sh

test: setup
	swift build --build-tests $(DEBUG_BUILD)
	swift test --skip-build $(DEBUG_BUILD)
	python3 Tests/Faults/run.py --tare .build/debug/tare --short

check:
	@scripts/check.sh

deploy-check: build
	@scripts/check-deploy.sh .build-release/release/tare

bench: build
	@Benchmarks/run.sh

conformance: setup
	.venv/bin/python Tests/Conformance/generate.py .build/conformance
	swift build --build-tests $(DEBUG_BUILD)
	TARE_CONFORMANCE=.build/conformance swift test --skip-build $(DEBUG_BUILD) --filter ConformanceReportTests

faults: build
	python3 Tests/Faults/run.py --tare .build-release/release/tare

SEEDS ?= 100000
FIRST ?= 1
simulate: setup
	swift build $(RELEASE_BUILD) --product cluster-simulation
	SEEDS=$(SEEDS) FIRST=$(FIRST) .build-release/release/cluster-simulation

SECONDS ?= 600
JOBS ?= 1
fuzz: setup
	python3 Fuzzing/run.py --seconds $(SECONDS) --jobs $(JOBS) $(TARGETS)

clean:
	rm -rf .build .build-release .build-fuzz .venv
