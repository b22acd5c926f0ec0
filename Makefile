# Shortcuts for the command `kyoten`: the first call of a target installs the packages that it needs. Each target takes
# KYOTEN_HOME, KYOTEN_SOURCES and KYOTEN_VARS, for example `make refresh KYOTEN_HOME=data/ours`.
.DEFAULT_GOAL := help
.PHONY: help accuracy advice quiet backtest bench cases coverage dbt demo fetch refresh summary try why what-if worklist accept sources-check verify dev docs doctor test long-test sail-test spark-test spark-cluster engines check mutants fuzz sqlfluff secrets lock clean changes releases rollback pin report rollouts bi metrics mcp workbook superset superset-test postgres site site-test browser-test potential potential-check effects forget notebook bi-test
MAKEFLAGS += --no-print-directory

SIZE ?= 10000
SEED ?= 1
PORT ?= 3000
# What people give is text, never code: recipes read it from the environment, so that neither make nor the shell expands
# what it contains.
GIVEN := ALIKE ARGS BATCH BY COUNT DEAL FETCH FILES FORCE FROM FULL LADDER LANG_ MARKDOWN MODEL NAMES NOISE \
	ONLY PORT PROFILE REASON RELEASE REP REPEATS ROUND ROWS SEED SEEDS SINCE SIZE TESTS TO UNDO UNTIL VARS
unexport $(GIVEN)
$(foreach name,$(GIVEN),$(eval export GIVEN_$(name) = $$(value $(name))))
SETTINGS := $(foreach name,KYOTEN_HOME KYOTEN_SOURCES KYOTEN_VARS KYOTEN_ENGINE PYTHON,$(if $(value $(name)),$(name)))
$(foreach name,$(SETTINGS),$(eval override $(name) := $$(value $(name))))
export $(SETTINGS)

BIN := .venv/bin
KYOTEN := $(BIN)/kyoten
# LANG_=ja: what people read is in Japanese.
IN_LANG = $(if $(value LANG_),--lang "$$GIVEN_LANG_")
COMPILE := .uv/bin/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-header --no-annotate \
	--no-emit-index-url --no-emit-find-links

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## Sample company → refresh → summary, in data/demo (SIZE=deals, SEED=n, NOISE=20: a bad first load, ALIKE=1: no differences, LANG_=ja in Japanese)
	@./setup.sh run
	@$(KYOTEN) $(IN_LANG) demo --size "$$GIVEN_SIZE" --seed "$$GIVEN_SEED" $(if $(value NOISE),--noise "$$GIVEN_NOISE") \
		$(if $(value ALIKE),--alike)

cases: ## A small company of planted cases with known answers → refresh → summary, in data/cases
	@./setup.sh run
	@$(KYOTEN) $(IN_LANG) cases

refresh: ## Landing files → published release (FORCE=1: even if nothing is new; FETCH=0: only landed files; PROFILE=1: costs)
	@./setup.sh run
	@$(KYOTEN) $(IN_LANG) refresh $(if $(value FORCE),--force) $(if $(filter 0,$(value FETCH)),--no-fetch) \
		$(if $(value PROFILE),--profile)

fetch: ## Extracts from the mapping's databases, APIs and remote folders → extracts/ (FULL=1: ignore cursors)
	@./setup.sh run
	@$(KYOTEN) fetch $(if $(value FULL),--full)

summary: ## Summary of the current release
	@./setup.sh run
	@$(KYOTEN) $(IN_LANG) summary

report: ## The pages that people open, from the current release; prints where they are (LANG_=ja in Japanese)
	@./setup.sh run
	@$(KYOTEN) $(IN_LANG) report

why: ## Why a deal is at its branch (DEAL=id, LANG_=ja in Japanese)
	@./setup.sh run
	@$(KYOTEN) $(IN_LANG) why -- "$$GIVEN_DEAL"

what-if: ## Deals that another ladder or other vars would move (LADDER=file.csv, VARS='{"two_tier_credit": "distributor"}')
	@./setup.sh run
	@$(KYOTEN) what-if $(if $(value LADDER),--ladder "$$GIVEN_LADDER") $(if $(value VARS),--vars "$$GIVEN_VARS")

changes: ## Why figures changed between two days (FROM=2026-03-02 TO=2026-03-09)
	@./setup.sh run
	@$(KYOTEN) $(IN_LANG) changes --from "$$GIVEN_FROM" --to "$$GIVEN_TO"

worklist: ## Deals that a person has to decide, as a CSV to fill in and land again
	@./setup.sh run
	@$(KYOTEN) $(IN_LANG) worklist

potential: ## Propose weights of the potential score from past results, as a CSV; changes nothing
	@./setup.sh run
	@$(KYOTEN) potential

accept: ## Accept a held batch (BATCH=name, BY=who, REASON=why); without BATCH: list held batches and reasons
	@./setup.sh run
	@$(KYOTEN) $(IN_LANG) accept $(if $(value BATCH),--by "$$GIVEN_BY" --reason "$$GIVEN_REASON" -- "$$GIVEN_BATCH")

sources-check: ## Try the mapping on its files without loading anything (KYOTEN_SOURCES=file)
	@./setup.sh run
	@$(KYOTEN) sources-check

verify: ## Compare every file of a release with its hash in the manifest (RELEASE=id; default: the current one)
	@./setup.sh run
	@$(KYOTEN) verify $(if $(value RELEASE),-- "$$GIVEN_RELEASE")

releases: ## The kept releases: why each is kept, its disk, what changed in the headline figures
	@./setup.sh run
	@$(KYOTEN) releases

rollback: ## Let readers see an earlier release (RELEASE=id, REASON=why); RELEASE=latest: the latest and each new one again
	@./setup.sh run
	@$(KYOTEN) rollback $(if $(value REASON),--reason "$$GIVEN_REASON") -- "$$GIVEN_RELEASE"

pin: ## Keep a release although settings.yml would delete it (RELEASE=id, REASON=why); UNDO=1: no longer
	@./setup.sh run
	@$(KYOTEN) pin $(if $(value UNDO),--undo) $(if $(value REASON),--reason "$$GIVEN_REASON") -- "$$GIVEN_RELEASE"

forget: ## Remove names and addresses of a rep from everything below the home (REP=rep_id); credit stays, to a pseudonym
	@./setup.sh run
	@$(KYOTEN) forget -- "$$GIVEN_REP"

try: ## Build and test one model, without its ancestors, and show its rows (MODEL=fct_deals, ROWS=5)
	@./setup.sh run
	@$(KYOTEN) try $(if $(value ROWS),--limit "$$GIVEN_ROWS") -- "$$GIVEN_MODEL"

dbt: ## Any dbt command with the settings of the home (ARGS="build -s fct_deals")
	@./setup.sh run
	@printf '%s\n' "$$GIVEN_ARGS" | xargs $(KYOTEN) dbt

dev: ## The Dagster UI: asset graph, guards, runs (PORT=3000)
	@./setup.sh run
	@$(KYOTEN) dev --port "$$GIVEN_PORT"

docs: ## dbt's documentation of every model, column and metric as one page, dbt_docs/index.html of the home
	@./setup.sh run
	@$(KYOTEN) docs

site: ## The documentation of the release as a site in English and Japanese with search, site/index.html of the home
	@./setup.sh run
	@./setup.sh site
	@$(KYOTEN) site

bi: ## Install what readers run: MetricFlow, the server for assistants, the workbook
	@./setup.sh bi

metrics: ## Metrics of the release by any dimension, as CSV (NAMES=deals_won,won_amount BY=metric_time__month SINCE=2025-04-01)
	@./setup.sh bi
	@$(KYOTEN) metrics --by "$$GIVEN_BY" $(if $(value SINCE),--since "$$GIVEN_SINCE") \
		$(if $(value UNTIL),--until "$$GIVEN_UNTIL") -- "$$GIVEN_NAMES"

mcp: ## Serve the release to assistants by the Model Context Protocol over standard input and output (docs/bi.md)
	@./setup.sh bi
	@$(KYOTEN) mcp

notebook: ## The ten questions of docs/bi.md in a Jupyter notebook, notebook/ten_questions.ipynb of the home
	@[ -e "$${KYOTEN_HOME:-data}/published/kyoten.duckdb" ] || { echo "Nothing is published in $${KYOTEN_HOME:-data}/published" \
		"yet. Run make refresh. For the sample company, run make demo and set KYOTEN_HOME=data/demo." >&2; exit 1; }
	@./setup.sh notebook
	@.venv-notebook/bin/jupyter nbconvert --log-level WARN --ExecutePreprocessor.startup_timeout=300 --execute --to notebook \
		--output-dir "$${KYOTEN_HOME:-data}/notebook" examples/notebook/ten_questions.ipynb
	@echo "$${KYOTEN_HOME:-data}/notebook/ten_questions.ipynb"

superset: ## Datasets, charts and a dashboard for Superset, superset/kyoten of the home
	@./setup.sh run
	@$(KYOTEN) superset

postgres: ## Load the current release into the PostgreSQL that KYOTEN_POSTGRES names
	@./setup.sh run
	@$(KYOTEN) postgres

workbook: ## The main tables of the release as an Excel workbook with Japanese headers, workbook/kyoten.xlsx of the home
	@./setup.sh bi
	@$(KYOTEN) workbook

doctor: ## Versions, disk, lock holder and settings
	@./setup.sh run
	@$(KYOTEN) doctor

bench: ## Cost of a refresh compared with DuckDB alone (SIZE=deals, REPEATS=n)
	@./setup.sh run
	@$(BIN)/python -m tools.bench --size "$$GIVEN_SIZE" --repeats "$${GIVEN_REPEATS:-3}"

accuracy: ## Share of right attributions on samples whose answers are known (SIZE=deals, SEEDS=n, NOISE=0,1,5)
	@./setup.sh run
	@$(KYOTEN) accuracy $(if $(filter file,$(origin SIZE)),,--size "$$GIVEN_SIZE") \
		$(if $(value SEEDS),--seeds "$$GIVEN_SEEDS") $(if $(value NOISE),--noise "$$GIVEN_NOISE") $(if $(value MARKDOWN),--markdown)

backtest: ## Errors of the forecast on samples: what it expected and what came (SIZE=deals, SEEDS=n)
	@./setup.sh run
	@$(BIN)/python -m tools.backtest $(if $(filter file,$(origin SIZE)),,--size "$$GIVEN_SIZE") \
		$(if $(value SEEDS),--seeds "$$GIVEN_SEEDS")

advice: ## Share of true statements about rates on samples whose causes are known (SIZE=deals, SEEDS=n, SEED=first)
	@./setup.sh dev
	@$(BIN)/python -m tools.advice --size "$$GIVEN_SIZE" --seed "$$GIVEN_SEED" $(if $(value SEEDS),--seeds "$$GIVEN_SEEDS")

effects: ## Whether effects of actions and paybacks of programmes are found as planted in samples (SIZE=deals, SEEDS=n, SEED=first)
	@./setup.sh run
	@$(BIN)/python -m tools.effects --size "$$GIVEN_SIZE" --seed "$$GIVEN_SEED" $(if $(value SEEDS),--seeds "$$GIVEN_SEEDS")

quiet: ## Share of the warnings about quiet partners and branches that come true on samples (SIZE=deals, SEEDS=n)
	@./setup.sh run
	@$(BIN)/python -m tools.quiet --size "$$GIVEN_SIZE" $(if $(value SEEDS),--seeds "$$GIVEN_SEEDS")

rollouts: ## Share of the rollout opportunities that were planted, and of the planted ones that are found, on samples (SIZE=deals, SEEDS=n, SEED=first)
	@./setup.sh run
	@$(BIN)/python -m tools.rollouts --size "$$GIVEN_SIZE" --seed "$$GIVEN_SEED" $(if $(value SEEDS),--seeds "$$GIVEN_SEEDS")

potential-check: ## Whether the potential score finds what samples have planted: lift, AUC and features (SIZE=deals, SEEDS=n, SEED=first)
	@./setup.sh run
	@$(BIN)/python -m tools.potential --size "$$GIVEN_SIZE" --seed "$$GIVEN_SEED" $(if $(value SEEDS),--seeds "$$GIVEN_SEEDS")

PYTEST := -m pytest --numprocesses 2 --dist loadfile $$GIVEN_TESTS

browser-test: ## The pages in Debian's Chromium: errors, requests, language, filters, contrast and keyboard (axe), phone, paper
	@./setup.sh dev
	@command -v "$${CHROMIUM:-chromium}" > /dev/null || { echo "Chromium is not installed. On Debian: apt-get install chromium fonts-noto-cjk" >&2; exit 1; }
	@$(BIN)/python -m pytest tests/report/browser.py

site-test: ## The site in Debian's Chromium: links, search, languages, errors, requests
	@./setup.sh dev
	@./setup.sh site
	@command -v "$${CHROMIUM:-chromium}" > /dev/null || { echo "Chromium is not installed. On Debian: apt-get install chromium fonts-noto-cjk" >&2; exit 1; }
	@$(BIN)/python -m pytest tests/report/docs_site.py

superset-test: ## A real Superset imports the file of `make superset`, and its charts show the figures of the marts
	@./setup.sh dev
	@./setup.sh superset
	@$(BIN)/python -m pytest tests/orchestration/superset_import.py

bi-test: ## Superset, the notebook and PostgreSQL are read while refreshes publish: what failed, was torn or stale
	@./setup.sh dev
	@./setup.sh superset
	@./setup.sh notebook
	@$(BIN)/python -m pytest tests/orchestration/bi_readers.py

test: check ## All checks, then all tests (TESTS=path: only those)
	@$(BIN)/python $(PYTEST)

long-test: ## All tests with more examples, other ones in every run, and the tests that take minutes (TESTS=path: only those)
	@./setup.sh dev
	@PROPERTY_SCALE=2 $(BIN)/python $(PYTEST)

# The same models on another engine, in an environment of its own: see docs/spark.md.
sail-test: ## The models build the same tables on Sail, an engine with Spark's SQL and without Java
	@./setup.sh dev
	@./setup.sh sail
	@$(BIN)/python -m pytest tests/spark/sail.py

spark-test: ## Refreshes on Spark, which needs Java 17: equal tables, guards, release (SEEDS=n: also other companies and vars)
	@./setup.sh dev
	@./setup.sh spark
	@$(BIN)/python -m pytest tests/spark/spark.py tests/spark/servers.py

spark-cluster: ## A refresh on a cluster of Spark on this machine, a master and two workers (SIZE=deals)
	@./setup.sh dev
	@./setup.sh spark
	@$(BIN)/python -m pytest tests/spark/cluster.py

engines: ## Write docs/engines.md: the seconds of each model on each engine, from the latest sail-test and spark-test
	@./setup.sh dev
	@$(BIN)/python -m tools.engines

coverage: ## All tests, and the share of the Python code that they run (TESTS=path: only those)
	@./setup.sh dev
	@rm -f .coverage .coverage.*
	@$(BIN)/coverage run $(PYTEST); status=$$?; $(BIN)/coverage combine --quiet; $(BIN)/coverage report; exit $$status

mutants: ## Break the attribution rules one by one; every break must make a test fail (ONLY=word,word, MARKDOWN=1)
	@./setup.sh dev
	@$(BIN)/python -m tests.mutants --only "$$GIVEN_ONLY" $(if $(value MARKDOWN),--markdown)

fuzz: ## Load files and mappings that were spoilt by structure, and check what must hold for each (COUNT=n, SEED=n, ROUND=n: only that)
	@./setup.sh dev
	@$(BIN)/python -m tests.fuzz --count "$${GIVEN_COUNT:-10000}" --seed "$$GIVEN_SEED" \
		$(if $(value ROUND),--round "$$GIVEN_ROUND")

# Quick checks, which need no home and no dbt. tests/check has the tests that read only the project's files.
check: ## Lint, types, layers, words, secrets: seconds where little changed
	@./setup.sh dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache --no-logo
	$(BIN)/yamllint --strict .
	@$(MAKE) sqlfluff
	$(BIN)/python -m tools.prose
	@$(MAKE) secrets
	$(BIN)/python -m pytest --quiet tests/check

# Two processes of sqlfluff, because its option --processes never ends where the parser in Rust finds a violation.
# A clean file is checked again only after it changes: the stamp has the time of the last run without findings.
STAMPS := .venv/checked
SQL := $(shell find models tests/data -name '*.sql')
SQL_RULES := .sqlfluff dbt_project.yml locks/dev.lock $(shell find macros tests/lint/dbt_context -name '*.sql' -o -name '*.py')
# Names without spaces, because make cannot handle others.
TRACKED := $(wildcard $(shell git -c core.quotepath=off ls-files ':!locks'))

sqlfluff: ## Lint the SQL that changed (FILES=models/….sql: only these, changed or not)
ifdef FILES
	@$(BIN)/sqlfluff lint --disable-progress-bar $$GIVEN_FILES
else
	@$(MAKE) $(STAMPS)/sqlfluff
endif

$(STAMPS)/sqlfluff: $(SQL) $(SQL_RULES)
	printf '%s\n' $(if $(filter $(SQL_RULES),$?),$(SQL),$?) | xargs -P 2 -n 60 $(BIN)/sqlfluff lint --disable-progress-bar
	@mkdir -p $(@D) && touch $@

secrets: ## Search the changed files for secrets
	@$(MAKE) $(STAMPS)/secrets

$(STAMPS)/secrets: $(TRACKED)
	@$(BIN)/detect-secrets-hook $?
	@mkdir -p $(@D) && touch $@

lock: ## Pin the newest versions that pyproject.toml allows
	@./setup.sh run
	$(COMPILE) --upgrade pyproject.toml --group dev -o locks/dev.lock
	$(COMPILE) --upgrade pyproject.toml -c locks/dev.lock -o locks/run.lock
	$(COMPILE) --upgrade pyproject.toml --extra bi -c locks/dev.lock -o locks/bi.lock
	$(COMPILE) --upgrade --group spark -c locks/run.lock -o locks/spark.lock
	$(COMPILE) --upgrade --group sail -c locks/run.lock -o locks/sail.lock
	$(COMPILE) --upgrade --group site -o locks/site.lock
	$(COMPILE) --upgrade --group superset -o locks/superset.lock
	$(COMPILE) --upgrade --group notebook -c locks/dev.lock -o locks/notebook.lock
	echo uv | $(COMPILE) --upgrade - -o locks/uv.lock

clean: ## Remove the installed packages and caches; data stays
	rm -rf .venv .venv-* .uv .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage .coverage.*
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
