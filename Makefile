# Every target is one line over a command; `make help` is generated from the comments behind ##.
SHELL := /bin/sh
.DEFAULT_GOAL := help

PROFILE ?= production
SOURCE ?=
SOURCE_PATH ?=
AS_OF ?=
RUN_ID ?=
START_STEP ?=
LOOKBACK ?= 500
TOP_N ?=
THRESHOLD ?=
CLUSTER ?=
SCANNERS ?=
INTERVAL ?=
STRICT ?=
JUNIT ?=
WORKERS ?= 2

export PYTHONSAFEPATH := 1
export OMP_NUM_THREADS ?= 2

READY := scripts/setup.sh requirements.lock
TEST_READY := scripts/setup.sh requirements-dev.lock
PY := .venv/bin/python
LF := .venv/bin/lakefolio
INGEST := $(PY) -m ingest
RUN_OPTIONS = $(if $(SOURCE),--source $(SOURCE)) $(if $(SOURCE_PATH),--path $(SOURCE_PATH)) $(if $(AS_OF),--as-of $(AS_OF)) $(if $(RUN_ID),--run-id $(RUN_ID)) $(if $(START_STEP),--start-step $(START_STEP)) $(if $(TOP_N),--set selection.top_n=$(TOP_N)) $(if $(THRESHOLD),--set dependence.threshold=$(THRESHOLD) --set flags.feat_adaptive_threshold=false)
COMMA := ,
SCAN_OPTIONS = $(GATE_OPTIONS) $(if $(RUN_ID),--run-id $(RUN_ID)) $(if $(INTERVAL),--interval $(INTERVAL)) $(if $(TOP_N),--limit $(TOP_N)) $(foreach name,$(subst $(COMMA), ,$(SCANNERS)),--scanner $(name))
FOREX_OPTIONS = $(if $(SOURCE),--source $(SOURCE)) $(if $(SOURCE_PATH),--path $(SOURCE_PATH)) $(if $(AS_OF),--as-of $(AS_OF)) $(if $(RUN_ID),--run-id $(RUN_ID))
GATE_OPTIONS = $(if $(SOURCE),--source $(SOURCE)) $(if $(SOURCE_PATH),--path $(SOURCE_PATH)) $(if $(AS_OF),--as-of $(AS_OF)) $(if $(SYMBOLS),--symbols $(SYMBOLS)) $(if $(BATCH),--batch $(BATCH))
WHICH_RUN = $(if $(RUN_ID),$(RUN_ID),latest)

.PHONY: help
help: ## list all targets
	@awk -F':.*## ' '/^[a-z][a-zA-Z0-9_-]*:.*## / {printf "  %-24s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo flow-production flow-dev clean-run clean-all env-sync env-check
demo: ## the whole run on the embedded, simulated market
	@$(READY) && $(LF) run --profile demo $(RUN_OPTIONS)
flow-production: ## the daily run; SOURCE, RUN_ID and START_STEP apply
	@$(READY) && $(LF) run --profile $(PROFILE) $(RUN_OPTIONS)
flow-dev: ## the run with the development profile
	@$(READY) && $(LF) run --profile development $(RUN_OPTIONS)
clean-run: ## delete the folder of one run; RUN_ID names it
	@$(READY) && $(LF) clean --run-id $(RUN_ID)
clean-all: ## delete all run folders and exports; lake, keys and checkpoints stay
	@$(READY) && $(LF) clean --all
env-sync: ## make or refresh .venv
	@$(TEST_READY)
env-check: ## check interpreter, packages, extensions, manifest, lake and calendars
	@$(READY) && $(LF) doctor

.PHONY: scan-run scan-audit forex-analyze forex-analyze-fast data-prep-raw data-fetch data-repair data-refresh-targeted recover meta-refresh data-audit validate calendars
scan-run: ## run the manifest's scanners and merge their finds; SCANNERS=a,b, INTERVAL=1W or TOP_N=50 scan and export alone
	@$(READY) && $(if $(SCANNERS)$(INTERVAL)$(TOP_N),$(INGEST) scan $(SCAN_OPTIONS),$(LF) run --profile $(PROFILE) --stop-step aggregation $(RUN_OPTIONS))
scan-audit: ## lint the scanner files offline and print their resolved form; STRICT=1 fails for warnings too
	@$(READY) && $(LF) scanners --resolved $(if $(STRICT),--strict)
forex-analyze: ## audit the currency pairs: history, gaps, health, clusters; BACKFILL=0 and GAPFILL=0 ask for nothing
	@$(READY) && $(LF) forex --profile $(PROFILE) $(if $(filter 0,$(BACKFILL)),--no-backfill) $(if $(filter 0,$(GAPFILL)),--no-gap-fill) $(FOREX_OPTIONS)
forex-analyze-fast: ## liquidity of the currency pairs
	@$(READY) && $(LF) forex --profile $(PROFILE) --fast $(FOREX_OPTIONS)
data-prep-raw: ## land calendars, instruments and bars of PROFILE's source, and scan them
	@$(READY) && $(LF) run --profile $(PROFILE) --stop-step discovery $(RUN_OPTIONS)
data-fetch: ## land LOOKBACK sessions of the candidates
	@$(READY) && $(LF) run --profile $(PROFILE) --stop-step light-prep --set data.light_sessions=$(LOOKBACK) $(if $(BATCH),--set source.batch=$(BATCH)) $(RUN_OPTIONS)
data-repair: ## ask SOURCE for the sessions that are missing, the newest first
	@$(READY) && $(INGEST) repair $(GATE_OPTIONS)
data-refresh-targeted: ## ask SOURCE for whole series again: those of SYMBOLS, else those that are not healthy
	@$(READY) && $(INGEST) refresh $(GATE_OPTIONS)
recover: ## ask SOURCE again, one by one, for what failed lately
	@$(READY) && $(INGEST) recover $(GATE_OPTIONS)
meta-refresh: ## ask SOURCE to describe the instruments again
	@$(READY) && $(INGEST) instruments $(GATE_OPTIONS)
data-audit: ## rebuild the price marts and run their tests
	@$(READY) && $(LF) dbt build --select tag:prices
validate: ## data health of RUN_ID, coloured; JUNIT names a file for a build server
	@$(READY) && $(LF) health --run-id $(WHICH_RUN) $(if $(JUNIT),--junit $(JUNIT))
calendars: ## land the sessions of every calendar of SOURCE (default: the sample)
	@$(READY) && $(INGEST) calendars $(GATE_OPTIONS)

.PHONY: port-select port-analyze port-optimize port-test port-report port-drift accept-state corr-report regime-check audit gate display report-sync
port-select: ## resume RUN_ID at selection
	@$(READY) && $(LF) run --profile $(PROFILE) --run-id $(RUN_ID) --start-step selection --stop-step selection
port-analyze: ## clusters of a run, their drift and hedge anchors; RUN_ID is clustered again first, CLUSTER zooms in
	@$(READY) && $(if $(RUN_ID),$(LF) run --profile $(PROFILE) --run-id $(RUN_ID) --start-step factors --stop-step regime &&) $(LF) analyze $(WHICH_RUN) $(if $(CLUSTER),--cluster $(CLUSTER))
port-optimize: ## resume RUN_ID at optimize
	@$(READY) && $(LF) run --profile $(PROFILE) --run-id $(RUN_ID) --start-step optimize --stop-step optimize
port-test: ## resume RUN_ID at the tournament
	@$(READY) && $(LF) run --profile $(PROFILE) --run-id $(RUN_ID) --start-step tournament --stop-step tournament
port-report: ## resume RUN_ID at the report
	@$(READY) && $(LF) run --profile $(PROFILE) --run-id $(RUN_ID) --start-step report
port-drift: ## what the accepted portfolio has drifted to
	@$(READY) && $(LF) show drift --run-id $(WHICH_RUN)
accept-state: ## record RUN_ID's portfolio as held
	@$(READY) && $(LF) accept $(WHICH_RUN)
corr-report: ## correlations of a run's winners, and what other cuts of their tree would give
	@$(READY) && $(LF) correlations $(WHICH_RUN) && $(LF) sensitivity $(WHICH_RUN)
regime-check: ## the regime of a run and its components
	@$(READY) && $(LF) show regime --run-id $(WHICH_RUN)
audit: ## judge a run again; exit 3 where a check fails
	@$(READY) && $(LF) audit $(WHICH_RUN)
gate: ## the audit gate and the ledger of the demo's last run; runs the demo first where there is none
	@$(READY) && { test -e artifacts/summaries/latest || $(LF) run --profile demo; } && $(LF) audit latest && $(LF) verify latest
display: ## show the report of a run in the terminal
	@$(READY) && $(LF) display $(WHICH_RUN)
report-sync: ## list what a sync would send
	@$(READY) && $(LF) show sync --run-id $(WHICH_RUN)

.PHONY: docs reference
docs: ## build the documentation site offline into artifacts/docs
	@$(TEST_READY) && NO_MKDOCS_2_WARNING=1 .venv/bin/mkdocs build --quiet --strict && echo "artifacts/docs/index.html"
reference: ## write docs/reference and the table of steps from the code
	@$(TEST_READY) && PYTHONPATH=. $(PY) -m scripts.reference

.PHONY: test test-kernels lint bench agreement lock schema
test: ## everything that CI runs
	@$(TEST_READY) && $(MAKE) --no-print-directory lint && $(PY) -m pytest -n $(WORKERS) --dist loadgroup
test-kernels: ## tests/analytics under the BLAS kernels of other processors, with one thread and with two; about ten minutes
	@$(TEST_READY) && $(PY) -m scripts.test_kernels
lint: ## ruff, mypy strict, sqlfluff, schema
	@$(TEST_READY) && .venv/bin/ruff check . && .venv/bin/ruff format --check . && .venv/bin/mypy && .venv/bin/sqlfluff lint -p 2 --disable-progress-bar dbt_project/models dbt_project/tests dbt_project/macros && $(LF) schema --check
bench: ## the same work against peers, side by side
	@$(READY) && PYTHONPATH=. $(PY) -m benchmarks
agreement: ## the solvers against cvxpy on 500 random problems of every kind; about ten minutes
	@$(READY) && PYTHONPATH=. $(PY) -m benchmarks.agreement
schema: ## write configs/manifest.schema.json from the code
	@$(READY) && $(LF) schema
lock: ## resolve the dependencies again (needs uv and a network)
	@scripts/lock.sh

.PHONY: scans prep prep-raw prune align analyze optimize-v2 finalize report gist
scans: scan-run ## older name of scan-run
prep: data-fetch ## older name of data-fetch
prep-raw: data-prep-raw ## older name of data-prep-raw
prune: port-select ## older name of port-select
align: data-audit ## older name of data-audit
analyze: port-analyze ## older name of port-analyze
optimize-v2: port-optimize ## older name of port-optimize
finalize: port-report ## older name of port-report
report: port-report ## older name of port-report
gist: report-sync ## older name of report-sync
