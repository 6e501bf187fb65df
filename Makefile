# Sotto. `make run` opens it; `make test` runs everything CI runs.
# Each installs what it needs (Debian and Ubuntu) and works a second time offline.

TAGS := -tags migrated_fynedo
GO := go
FUZZTIME ?= 1m
SESSIONS ?= 1000
MESSAGES ?= 100000

.PHONY: run build test bench bench-ui benchmarks chaos check clean e2e fuzz hostile interop logins matrix package reproducible screenshots soak steps storage timing unit

run: build
	@echo "Opening Sotto"
	@./build/sotto

build:
	@.ci/packages run
	@echo "Building Sotto (the first time takes some minutes: Fyne's OpenGL bindings are large)"
	@$(GO) build $(TAGS) -o build/sotto .

test:
	@.ci/packages test
	@$(MAKE) --no-print-directory check unit e2e
	@$(MAKE) --no-print-directory fuzz FUZZTIME=2s
	@$(MAKE) --no-print-directory benchmarks BENCHTIME=1x
	@echo "All of Sotto's tests passed."

# Format, vet and staticcheck over every package.
check:
	@echo "Checking format, vet and staticcheck"
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); test -z "$$unformatted" || { echo "gofmt: $$unformatted"; exit 1; }
	@$(GO) vet $(TAGS) ./...
	@cd .ci/tools && $(GO) build -o ../../build/staticcheck honnef.co/go/tools/cmd/staticcheck
	@./build/staticcheck $(TAGS) ./...

# Every package but the end-to-end tests: with the race detector where no window is drawn. What an input costs is measured once more
# without it, to the letter.
unit:
	@echo "Testing crypto and session"
	@.ci/unit -race -timeout 20m ./crypto/... ./session/...
	@$(GO) test -run Cost ./crypto/otr
	@echo "Testing the user interface"
	@.ci/unit $(TAGS) . ./assets/... $$($(GO) list ./ui/... | grep -v /ui/e2e)

# The built program in real windows, against a real server and real keyrings.
e2e:
	@echo "Driving the real window"
	@.ci/unit $(TAGS) -v -count=1 -timeout 20m ./ui/e2e

fuzz:
	@.ci/fuzz $(FUZZTIME) ./crypto/... ./session/... ./ui/...

# Every message of the protocol with everything done to it that a hostile network or correspondent can do, in every state.
matrix:
	@SOTTO_MATRIX=1 $(GO) test -v -count=1 -timeout 6h -run 'TestMatrix|TestRefused' ./crypto/otr

# Sessions with libotr and x/crypto/otr in both roles, whole conversations with people's other programs, and how Pidgin and Sotto verify
# each other.
interop:
	@.ci/packages interop
	@SOTTO_INTEROP_SESSIONS=$(SESSIONS) $(GO) test -v -count=1 -timeout 4h -run Interop ./crypto/otr/otrtest/...
	@SOTTO_INTEROP_PEERS=1 $(GO) test -v -count=1 -timeout 1h -run 'Interop|TestWithMcabber' ./session
	@SOTTO_INTEROP_PEERS=1 $(GO) test $(TAGS) -v -count=1 -timeout 1h -run Interop ./ui/e2e

# The cost of a key, a key exchange, messages and memory beside libotr, in turns: one ratio for each.
bench:
	@.ci/packages test
	@cd crypto/otr/otrtest/bench && $(GO) run .

# Start, memory and idleness beside a bare window of Fyne, ten thousand contacts, a hundred thousand messages, hostile texts, a flood, and a
# message from session to session: one table. Everything is built before anything is measured, and nothing runs beside anything else.
bench-ui:
	@.ci/packages test
	@rm -rf build/bench-ui; mkdir -p build/bench-ui
	@$(GO) test $(TAGS) -c -o build/bench-ui/e2e.test ./ui/e2e
	@$(GO) test $(TAGS) -c -o build/bench-ui/ui.test ./ui
	@$(GO) test -c -o build/bench-ui/session.test ./session
	@for part in ui/e2e ui session; do \
		(cd $$part && SOTTO_BENCH_UI=$(CURDIR)/build/bench-ui/table $(CURDIR)/build/bench-ui/$${part##*/}.test -test.timeout 1h -test.run '^TestBench$$') || exit 1; \
	done
	@awk -F '\t' 'BEGIN { printf "%-46s  %-22s  %-34s  %s\n", "what", "target", "measured", "" } { printf "%-46s  %-22s  %-34s  %s\n", $$1, $$2, $$3, $$4 }' build/bench-ui/table

# Every screen and dialog, light and dark, at one and two pixels for each unit, narrow and wide, in every language, in build/screenshots; for
# each one picture with all of them side by side. SCREENS chooses some by a regular expression of their names.
SCREENS ?=
screenshots:
	@.ci/packages test
	@echo "Drawing every screen (this takes some minutes)"
	@SOTTO_SCREENSHOTS=$(CURDIR)/build/screenshots SOTTO_SCREENS='$(SCREENS)' $(GO) test $(TAGS) -count=1 -timeout 2h -run '^TestScreenshots$$' ./ui
	@echo "They are in build/screenshots"

# Whether what is computed with secrets takes the same time whatever they are.
timing:
	@SOTTO_TIMING=1 $(GO) test -v -count=1 -p 1 -timeout 1h -run Timing ./crypto/otr/...

BENCHTIME ?= 1s
benchmarks:
	@$(GO) test -run '^$$' -bench . -benchtime $(BENCHTIME) ./crypto/... ./session/... ./ui/chat/... ./ui/model/...

# Two Sottos and a libotr over Prosody, with broken connections and kills: MESSAGES of them, none lost, none twice.
soak:
	@.ci/packages test
	@SOTTO_SOAK_MESSAGES=$(MESSAGES) $(GO) test -v -count=1 -timeout 12h -run Soak ./session

# What a newcomer has to do and to read from the first start to a verified conversation, with a mouse and without one; and in Pidgin.
steps:
	@.ci/packages interop
	@SOTTO_STEPS=1 $(GO) test $(TAGS) -v -count=1 -timeout 1h -run Steps ./ui/e2e

# The line breaks at every byte of a login, a key exchange and a verification (CUTS of them), eight pairs of people at a time; the server is
# killed in the middle of 200; and, for root, the address changes and packets are lost.
CUTS ?= all
chaos:
	@.ci/packages chaos
	@SOTTO_CHAOS=$(CUTS) $(GO) test -v -count=1 -timeout 24h -parallel 8 -run Chaos ./session ./session/xmpp

# A Sotto that is killed while it saves, KILLS times; every system call of saving that fails, the first 50 of each.
KILLS ?= 1000
storage:
	@.ci/packages test
	@SOTTO_KILLS=$(KILLS) $(GO) test -v -count=1 -timeout 2h -run 'Killed|Injected|Mutations' ./session/store

# A contact who floods, for HOSTILE.
HOSTILE ?= 60s
hostile:
	@.ci/packages test
	@SOTTO_HOSTILE=$(HOSTILE) $(GO) test -v -count=1 -timeout 1h -run Hostile ./session

# Two people signed in three times each, SCRIPTS random stories.
SCRIPTS ?= 500
logins:
	@SOTTO_LOGINS=$(SCRIPTS) $(GO) test -count=1 -timeout 4h -run Logins ./session

# What people install: the .deb, the portable tar.xz and the .exe, from the commit that is checked out, in build/package.
package:
	@.ci/packages package
	@.ci/package

# The same from two builds in different folders, the second without anything the first has left: the same bytes.
reproducible:
	@.ci/packages package
	@.ci/reproducible

clean:
	@rm -rf build
