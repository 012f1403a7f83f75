# Every target is one line over a command; `make help` is generated from the headings behind #@ and the comments behind ##.
# Targets of a run act on the newest run, unless RUN_ID names another.
SHELL := /bin/sh
.DEFAULT_GOAL := help

export PYTHONSAFEPATH := 1
export OMP_NUM_THREADS ?= 2
WORKERS ?= 2

# A variable that no target reads is an error: `make demo TOPN=3` must not run with another setting than the one meant.
SETTINGS := PROFILE SOURCE SOURCE_PATH SYMBOLS AS_OF RUN_ID START_STEP LOOKBACK TOP_N THRESHOLD CLUSTER SCANNERS INTERVAL STRICT JUNIT BATCH BACKFILL GAPFILL FOREX_LOOKBACK_DAYS TARGETED_CANDIDATES WORKERS
TOOLS := PYTHON SHELL OMP_NUM_THREADS
GIVEN := $(foreach name,$(.VARIABLES),$(if $(filter command,$(firstword $(origin $(name)))),$(name)))
UNKNOWN := $(firstword $(filter-out $(SETTINGS) $(TOOLS) -%,$(GIVEN)))
NEAREST = $(shell python3 -c 'import difflib, sys; print(*difflib.get_close_matches(sys.argv[1], sys.argv[2:], 1, 0.5))' '$(UNKNOWN)' $(SETTINGS) 2>/dev/null)
$(if $(UNKNOWN),$(error no target reads the variable $(UNKNOWN); $(if $(NEAREST),did you mean $(NEAREST)?,there are $(SETTINGS))))
$(foreach name,BACKFILL GAPFILL STRICT,$(if $(filter-out 0 1,$($(name))),$(error $(name)=$($(name)) is neither 0 nor 1)))

READY := scripts/setup.sh requirements.lock
TEST_READY := scripts/setup.sh requirements-dev.lock
PY := .venv/bin/python
LF := .venv/bin/lakefolio
INGEST := $(PY) -m ingest
COMMA := ,
option = $(if $(2),$(1) '$(2)')
setting = $(if $(2),--set '$(1)=$(2)')
switch = $(if $(filter 0,$(2)),--set $(1)=false)$(if $(filter 1,$(2)),--set $(1)=true)
DATA = $(call option,--source,$(SOURCE)) $(call option,--path,$(SOURCE_PATH)) $(call option,--as-of,$(AS_OF))
SELECTION = $(call setting,selection.top_n,$(TOP_N)) $(if $(THRESHOLD),$(call setting,dependence.threshold,$(THRESHOLD)) --set flags.feat_adaptive_threshold=false)
FETCHING = $(call setting,source.batch,$(BATCH)) $(call switch,data.backfill,$(BACKFILL)) $(call switch,data.gap_fill,$(GAPFILL))
ASKED = $(call option,--profile,$(PROFILE)) $(DATA) $(SELECTION) $(FETCHING)
WHOLE = $(call option,--run-id,$(RUN_ID)) $(DATA) $(SELECTION) $(FETCHING) $(call setting,data.full_sessions,$(LOOKBACK)) $(call option,--start-step,$(START_STEP))
STAGE = $(LF) run --continue $(call option,--run-id,$(RUN_ID)) $(ASKED) $(call option,--start-step,$(START_STEP))
NEWEST = $(LF) run --continue --run-id '$(BEGUN)' $(ASKED)
BY_HAND = $(DATA) $(call option,--symbols,$(SYMBOLS)) $(call option,--batch,$(BATCH))
SCAN = $(INGEST) scan $(BY_HAND) $(call option,--run-id,$(RUN_ID)) $(call option,--interval,$(INTERVAL)) $(call option,--limit,$(TOP_N)) $(foreach name,$(subst $(COMMA), ,$(SCANNERS)),--scanner '$(name)')
FOREX = $(LF) forex $(call option,--run-id,$(RUN_ID)) $(call option,--profile,$(PROFILE)) $(DATA) $(call option,--lookback-days,$(FOREX_LOOKBACK_DAYS)) $(call setting,source.batch,$(BATCH)) $(if $(filter 0,$(BACKFILL)),--no-backfill) $(if $(filter 0,$(GAPFILL)),--no-gap-fill)
PUBLISHED = $(or $(RUN_ID),latest)
BEGUN = $(or $(RUN_ID),newest)

.PHONY: help
help: ## list all targets
	@awk -F':.*## ' '/^#@ / {printf "\n%s\n", substr($$0, 4)} /^[a-z][a-zA-Z0-9_-]*:.*## / {printf "  %-24s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

#@ Whole runs (PROFILE, SOURCE, SOURCE_PATH, AS_OF, RUN_ID, START_STEP, LOOKBACK, TOP_N, THRESHOLD, BATCH, BACKFILL, GAPFILL)
.PHONY: demo flow-production flow-dev clean-run
demo: ## the whole run on the embedded, simulated market
	@$(READY) && $(LF) run --profile demo $(WHOLE)
flow-production: ## the daily run with the production profile; SOURCE and SOURCE_PATH name your data, else it is the simulated market
	@$(READY) && $(LF) run --profile '$(or $(PROFILE),production)' $(WHOLE)
flow-dev: ## the run with the development profile
	@$(READY) && $(LF) run --profile development $(WHOLE)
clean-run: ## delete all run folders and exports, then run everything from the start; lake, keys and checkpoints stay
	@$(READY) && $(LF) clean --all && $(LF) run --profile '$(or $(PROFILE),production)' $(WHOLE)

#@ Data, step by step (scan-run, data-prep-raw and data-fetch go on with the newest run)
.PHONY: scan-run data-prep-raw data-fetch data-refresh-targeted data-repair recover meta-refresh calendars data-audit validate
scan-run: ## run the scanners; begins a run when the newest is finished. SCANNERS=a,b, INTERVAL=1W or TOP_N=50 scan alone
	@$(READY) && $(if $(SCANNERS)$(INTERVAL)$(TOP_N),$(SCAN),$(STAGE) --stop-step discovery)
data-prep-raw: ## merge the finds into candidates and describe them
	@$(READY) && $(STAGE) --stop-step enrichment
data-fetch: ## fetch LOOKBACK sessions of the candidates; BACKFILL=0 asks for no older history, GAPFILL=0 for no gaps
	@$(READY) && $(STAGE) --stop-step light-prep $(call setting,data.light_sessions,$(LOOKBACK))
data-refresh-targeted: ## fetch whole series again: those of TARGETED_CANDIDATES (a JSON file) or SYMBOLS, else the unhealthy
	@$(READY) && $(INGEST) refresh $(BY_HAND) $(call option,--candidates,$(TARGETED_CANDIDATES))
data-repair: ## fetch the sessions that are missing, the newest first
	@$(READY) && $(INGEST) repair $(BY_HAND)
recover: ## fetch again, one by one, what failed in the last days
	@$(READY) && $(INGEST) recover $(BY_HAND)
meta-refresh: ## fetch the description of the instruments again
	@$(READY) && $(INGEST) instruments $(BY_HAND)
calendars: ## land the sessions of every calendar of SOURCE
	@$(READY) && $(INGEST) calendars $(BY_HAND)
data-audit: ## rebuild the price marts and run their tests
	@$(READY) && $(LF) dbt build --select tag:prices
validate: ## show the data health of a run; JUNIT names a file for a build server
	@$(READY) && $(LF) health --run-id '$(PUBLISHED)' $(call option,--junit,$(JUNIT))

#@ Portfolio, step by step (on the newest run; TOP_N and THRESHOLD make a child run of it)
.PHONY: port-select port-analyze port-optimize port-test port-report port-drift accept-state
port-select: ## select the winners of each cluster; TOP_N per side, THRESHOLD cuts the clusters
	@$(READY) && $(NEWEST) --start-step selection --stop-step selection
port-analyze: ## cluster the winners, then show clusters, drift and hedge anchors; CLUSTER splits one of them
	@$(READY) && $(NEWEST) --stop-step regime && $(LF) analyze '$(BEGUN)' $(call option,--cluster,$(CLUSTER))
port-optimize: ## allocate every risk profile
	@$(READY) && $(NEWEST) --start-step optimize --stop-step optimize
port-test: ## run the tournament
	@$(READY) && $(NEWEST) --start-step tournament --stop-step tournament
port-report: ## apply the audit gate, write the reports, verify and publish
	@$(READY) && $(NEWEST) --start-step report
port-drift: ## show how far the accepted portfolio has drifted
	@$(READY) && $(LF) show drift --run-id '$(PUBLISHED)'
accept-state: ## record the published portfolio as held
	@$(READY) && $(LF) accept '$(PUBLISHED)'

#@ Look at a run (RUN_ID, default: the last that was published)
.PHONY: display corr-report regime-check audit report-sync
display: ## show the report in the terminal
	@$(READY) && $(LF) display '$(PUBLISHED)'
corr-report: ## show the correlations of the winners, and the clusters that other thresholds would give
	@$(READY) && $(LF) correlations '$(PUBLISHED)' && $(LF) sensitivity '$(PUBLISHED)'
regime-check: ## show the regime and its components
	@$(READY) && $(LF) show regime --run-id '$(PUBLISHED)'
audit: ## apply the audit gate again; exit 3 where a check fails
	@$(READY) && $(LF) audit '$(PUBLISHED)' $(call option,--junit,$(JUNIT))
report-sync: ## list the artifacts that a sync would send
	@$(READY) && $(LF) show sync --run-id '$(PUBLISHED)'

#@ Forex and scanners
.PHONY: forex-analyze forex-analyze-fast scan-audit
forex-analyze: ## audit the currency pairs: history, gaps, health, clusters; FOREX_LOOKBACK_DAYS, BACKFILL=0, GAPFILL=0
	@$(READY) && $(FOREX)
forex-analyze-fast: ## show the liquidity of the currency pairs
	@$(READY) && $(FOREX) --fast
scan-audit: ## check the scanner files offline and print them resolved; STRICT=1 fails for warnings too
	@$(READY) && $(LF) scanners --resolved $(if $(filter 1,$(STRICT)),--strict)

#@ Environment and clean-up
.PHONY: env-sync env-check clean clean-all
env-sync: ## make or refresh .venv
	@$(TEST_READY)
env-check: ## check interpreter, packages, extensions, manifest, lake and calendars
	@$(READY) && $(LF) doctor $(call option,--profile,$(PROFILE))
clean: ## delete the folder of the run that RUN_ID names
	@$(READY) && $(LF) clean --run-id '$(RUN_ID)'
clean-all: ## delete all run folders and exports; lake, keys and checkpoints stay
	@$(READY) && $(LF) clean --all

#@ Development
.PHONY: docs reference test test-kernels test-fast lint gate bench bench-regime bench-lake agreement schema lock
docs: ## build the documentation site offline into artifacts/docs
	@$(TEST_READY) && NO_MKDOCS_2_WARNING=1 .venv/bin/mkdocs build --quiet --strict && echo "artifacts/docs/index.html"
reference: ## write docs/reference and the table of steps from the code
	@$(TEST_READY) && PYTHONPATH=. $(PY) -m scripts.reference
test: ## everything that CI runs
	@$(TEST_READY) && $(MAKE) --no-print-directory lint && $(PY) -m pytest -n $(WORKERS) --dist loadgroup --durations=20
test-fast: ## tests without whole runs, dbt builds and packaging: for the loop while writing
	@$(TEST_READY) && $(PY) -m pytest -n $(WORKERS) --dist loadgroup --durations=20 -q -m "not slow"
test-kernels: ## tests/analytics under the BLAS kernels of other processors, with one thread and with two; about ten minutes
	@$(TEST_READY) && $(PY) -m scripts.test_kernels
lint: ## ruff, mypy strict, sqlfluff, schema
	@$(TEST_READY) && .venv/bin/ruff check . && .venv/bin/ruff format --check . && .venv/bin/mypy && .venv/bin/sqlfluff lint -p 2 --disable-progress-bar dbt_project/models dbt_project/tests dbt_project/macros && $(LF) schema --check
gate: ## allocate a tiny market with the code as it stands and apply the audit gate; a few seconds
	@$(TEST_READY) && $(PY) -m pytest -q -p no:cacheprovider tests/lakefolio/audit/test_gate_of_tiny_market.py
bench: ## the same work against peers, side by side
	@$(READY) && PYTHONPATH=. $(PY) -m benchmarks
bench-regime: ## the bounds of the regime on the real markets in SOURCE_PATH, beside simpler rules; two minutes
	@$(READY) && PYTHONPATH=. $(PY) -m benchmarks.regime '$(SOURCE_PATH)'
bench-lake: ## time, memory and size of runs on generated markets of 250, 1,000 and 4,000 instruments, and on SOURCE_PATH as of AS_OF; an hour
	@$(READY) && PYTHONPATH=. $(PY) -m benchmarks.lake $(call option,--market,$(SOURCE_PATH)) $(call option,--as-of,$(AS_OF))
agreement: ## the solvers against cvxpy on 500 random problems of every kind; about ten minutes
	@$(READY) && PYTHONPATH=. $(PY) -m benchmarks.agreement
schema: ## write configs/manifest.schema.json from the code
	@$(READY) && $(LF) schema
lock: ## resolve the dependencies again (needs uv and a network)
	@scripts/lock.sh

#@ Older names
.PHONY: scans scan-all prep prep-raw prune align analyze optimize-v2 finalize report gist
scans: scan-run ## scan-run
scan-all: scan-run ## scan-run
prep: data-fetch ## data-fetch
prep-raw: data-prep-raw ## data-prep-raw
prune: port-select ## port-select
align: data-audit ## data-audit
analyze: port-analyze ## port-analyze
optimize-v2: port-optimize ## port-optimize
finalize: port-report ## port-report
report: port-report ## port-report
gist: report-sync ## report-sync
