# The referrals client: everything a person or a machine runs starts here.

ifneq ($(origin LUA),command line)
LUA := 5.4
TEST_LUAS := 5.4 5.3 5.1 jit
else
TEST_LUAS := $(LUA)
endif
ifeq ($(filter 5.4 5.3 5.1 jit,$(LUA)),)
$(error LUA is "$(LUA)": expected 5.4, 5.3, 5.1 or jit)
endif

# Plain 5.1 and LuaJIT load one module from one folder, so they share one build.
VERSIONS := 5.4 5.3 5.1
VERSION := $(patsubst jit,5.1,$(LUA))
INTERPRETER := $(if $(filter jit,$(LUA)),luajit,lua$(LUA))

PREFIX ?= /usr/local
LUA_DIR ?= $(PREFIX)/share/lua/$(VERSION)
LUA_LIBDIR ?= $(PREFIX)/lib/lua/$(VERSION)
BUILD ?= build
SECONDS ?= 60
PORT ?= 0

CFLAGS ?= -O2 -g
WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wconversion
CURL_CFLAGS := $(shell pkg-config --cflags libcurl 2>/dev/null || curl-config --cflags 2>/dev/null)
CURL_LIBS := $(shell pkg-config --libs libcurl 2>/dev/null || curl-config --libs 2>/dev/null || echo -lcurl)
COMPILE = $(CC) -std=c11 -fPIC -fvisibility=hidden $(WARNINGS) $(CPPFLAGS) $(CFLAGS) $(CURL_CFLAGS)
LINK = $(CC) -shared $(CFLAGS) $(LDFLAGS)

SOURCES := $(sort $(wildcard csrc/*.c))
LUA_FILES := $(sort $(shell find lua -name '*.lua'))
# What is installed beside the Lua files, such as the sandbox's nginx.conf.
DATA_FILES := $(sort $(shell find lua -type f ! -name '*.lua' ! -name '.*'))
MODULES := $(VERSIONS:%=$(BUILD)/%/referrals/core.so)

.PHONY: help all modules demo test lint sandbox install clean check-memory fuzz rock deps FORCE
.DEFAULT_GOAL := help

help:
	@echo 'The referrals client for Lua. New here? Run these two:'
	@echo
	@echo '  make demo          the story in a minute: a referral is read, checked, closed as Won,'
	@echo '                     and a write from an old version is refused; on a local sandbox'
	@echo '  make test          every spec on Lua 5.4, 5.3, 5.1 and LuaJIT; the last line is the total'
	@echo
	@echo 'Both first install the Debian packages that are missing, and say which.'
	@echo
	@echo '  make all           the C core for one Lua, in $(BUILD)/<version>/referrals/core.so'
	@echo '  make sandbox       serves the emulated service until Ctrl-C   PORT=n TLS=1'
	@echo '  make install       the Lua files and the core   PREFIX=$(PREFIX) DESTDIR='
	@echo '  make rock          installs the rock into a temporary tree and runs from it'
	@echo '  make counting      10,000 updates by 32 writers under faults: what was told against what was applied'
	@echo '  make jitter        every spec, each answer of the sandbox delayed at random'
	@echo '  make lint          luacheck, clang-format, cppcheck, clang'"'"'s analyzer'
	@echo '  make check-memory  every spec under valgrind and under ASan and UBSan (Lua 5.4)'
	@echo '  make fuzz          the JSON of the core under libFuzzer   SECONDS=$(SECONDS) for each target'
	@echo '  make bench         ours against bare libcurl and what others write by hand, side by side'
	@echo '                     PART=instructions|profile|times|apply|batch|memory|nginx'
	@echo '  make bench-quick   only the instructions of one update'
	@echo '  make soak          a great many updates through one worker of nginx   COUNT=1000000'
	@echo '  make reload-storm  a reload of nginx every second under load   SECONDS=60'
	@echo '  make deps          only installs what is missing'
	@echo '  make clean         removes $(BUILD)/'
	@echo
	@echo '  LUA=5.4|5.3|5.1|jit   for one Lua only (default 5.4; test: all four)'
	@echo '  SPEC=spec/x_spec.lua  test: only these files'
	@echo '  CC, CFLAGS, CPPFLAGS, LDFLAGS, BUILD   as usual'

all: $(BUILD)/$(VERSION)/referrals/core.so

modules: $(MODULES)

# A new compiler or other flags make every object stale.
$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(COMPILE) $(LINK)' | cmp -s - $@ || echo '$(COMPILE) $(LINK)' > $@

define version_rules
$(BUILD)/$(1)/%.o: csrc/%.c $(BUILD)/flags
	@mkdir -p $$(@D)
	$$(COMPILE) -I$$(or $$(LUA_INCDIR),/usr/include/lua$(1)) -MMD -MP -c $$< -o $$@

$(BUILD)/$(1)/referrals/core.so: $(SOURCES:csrc/%.c=$(BUILD)/$(1)/%.o)
	@mkdir -p $$(@D)
	$$(LINK) -o $$@.new $$^ $$(CURL_LIBS) $$(LDLIBS)
	@mv $$@.new $$@

-include $(SOURCES:csrc/%.c=$(BUILD)/$(1)/%.d)
endef
$(foreach version,$(VERSIONS),$(eval $(call version_rules,$(version))))

# What follows may have to install packages first, so it builds in a make of its own, started after that.
RUN_LUA = LUA_PATH='$(CURDIR)/lua/?.lua;$(CURDIR)/lua/?/init.lua;$(CURDIR)/spec/?.lua;;' \
  LUA_CPATH='$(abspath $(BUILD))/$(VERSION)/?.so;;' $(INTERPRETER)

demo:
	@.ci/deps demo
	@$(MAKE) --no-print-directory --silent all LUA=$(LUA)
	@$(RUN_LUA) spec/demo.lua

# Pure Lua: the sandbox needs no core.
sandbox:
	@.ci/deps demo
	@$(RUN_LUA) lua/referrals/sandbox/serve.lua --port $(PORT) $(if $(TLS),--tls --h2)

test:
	@MAKE='$(MAKE)' BUILD='$(BUILD)' .ci/test '$(TEST_LUAS)' $(SPEC)

.PHONY: counting jitter
counting:
	@.ci/deps test
	@$(MAKE) --no-print-directory --silent all LUA=$(LUA)
	@$(RUN_LUA) spec/bench/counting.lua

# Orders that a quick answer never shows. Seconds, of which each answer waits a random share.
jitter:
	@SANDBOX_DELAY=0.03 MAKE='$(MAKE)' BUILD='$(BUILD)' .ci/test '$(LUA)' $(SPEC)

rock:
	@.ci/deps test
	@MAKE='$(MAKE)' BUILD='$(BUILD)' .ci/test '$(LUA)' spec/rock_spec.lua

check-memory:
	@.ci/deps check
	@MAKE='$(MAKE)' .ci/memory $(SPEC)

fuzz:
	@BUILD='$(BUILD)' .ci/fuzz '$(SECONDS)'

lint:
	@.ci/deps check
	@.ci/lint

# nginx's Lua is LuaJIT, and so is the one that drives it.
COUNT ?= 1000000
SECONDS ?= 60
NGINX_BENCH = LUA_PATH='$(CURDIR)/lua/?.lua;$(CURDIR)/lua/?/init.lua;$(CURDIR)/spec/?.lua;$(CURDIR)/?.lua;;' \
  LUA_CPATH='$(abspath $(BUILD))/5.1/?.so;;' BUILD='$(abspath $(BUILD))' luajit spec/bench/nginx/

.PHONY: bench bench-quick
bench:
	@.ci/deps test
	@.ci/deps bench || echo 'Not all of it could be installed: the table names what is missing.'
	@$(MAKE) --no-print-directory --silent modules
	@LUA_PATH='$(CURDIR)/spec/?.lua;$(CURDIR)/lua/?.lua;;' BUILD='$(abspath $(BUILD))' lua5.4 spec/bench/run.lua $(PART)

bench-quick:
	@$(MAKE) --no-print-directory bench PART=instructions

soak:
	@.ci/deps test
	@$(MAKE) --no-print-directory --silent all LUA=jit
	@$(NGINX_BENCH)soak.lua $(COUNT)

reload-storm:
	@.ci/deps test
	@$(MAKE) --no-print-directory --silent all LUA=jit
	@$(NGINX_BENCH)storm.lua $(SECONDS)

deps:
	@.ci/deps check

install: all
	install -d '$(DESTDIR)$(LUA_LIBDIR)/referrals'
	install -m 755 '$(BUILD)/$(VERSION)/referrals/core.so' '$(DESTDIR)$(LUA_LIBDIR)/referrals/core.so'
	for file in $(LUA_FILES:lua/%=%) $(DATA_FILES:lua/%=%); do \
	  install -D -m 644 "lua/$$file" "$(DESTDIR)$(LUA_DIR)/$$file" || exit 1; \
	done

clean:
	rm -rf '$(BUILD)'
	rm -f csrc/*.o referrals/core.so # of LuaRocks
	if [ -d referrals ]; then rmdir referrals; fi
