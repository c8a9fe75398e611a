local protected = require "referrals.auth.protected"

describe("a function of the caller's in the middle of our own work", function()
  local owner, other = {}, {}

  --- A runtime as nginx has one: a function runs in a light thread.
  local function light_threads()
    return {
      in_light_thread = function(_, run)
        assert(coroutine.resume(coroutine.create(run)))
      end,
    }
  end

  for where, new in pairs { ["a coroutine"] = function() return {} end, ["a light thread"] = light_threads } do
    describe("in " .. where, function()
      it("is given its argument, and gives two results", function()
        local given
        local results = { protected.call(owner, new(), function(argument)
          given = argument
          return "first", nil, "third"
        end, 7) }
        assert.equal(7, given)
        assert.same({ true, "first" }, { results[1], results[2] })
        assert.is_nil(results[3])
        assert.same({ true, nil, "why" }, { protected.call(owner, new(), function() return nil, "why" end) })
      end)

      it("may be a C function", function()
        assert.same({ true, "A" }, { protected.call(owner, new(), string.upper, "a") })
      end)

      it("may raise anything, which is told and goes no further", function()
        local raised = {}
        local ok, what = protected.call(owner, new(), function() error(raised) end)
        assert.is_false(ok)
        assert.equal(raised, what)
      end)

      it("is told from whatever else runs, for as long as it runs", function()
        local seen = {}
        local function look()
          seen = { protected.inside(owner), protected.inside(other) }
        end
        look()
        assert.same({ false, false }, seen)
        assert(protected.call(owner, new(), look))
        assert.same({ true, false }, seen)
        protected.call(owner, new(), function() error() end)
        look()
        assert.same({ false, false }, seen)
      end)

      it("is inside all those that called one another to come there", function()
        local seen
        assert(protected.call(owner, new(), function()
          assert(protected.call(other, new(), function()
            seen = { protected.inside(owner), protected.inside(other), protected.inside {} }
          end))
          seen[4], seen[5] = protected.inside(owner), protected.inside(other)
        end))
        assert.same({ true, true, false, true, false }, seen)
      end)
    end)
  end

  it("cannot yield to who does not know it, and is no success then", function()
    assert.same({ false, "it yielded" }, { protected.call(owner, {}, function()
      coroutine.yield("a token")
    end) })
  end)

  it("is told to have been ended where nginx did so, at the deadline that it was given", function()
    local deadlines = {}
    local runtime = { in_light_thread = function(_, _, deadline)
      deadlines[#deadlines + 1] = deadline -- and it comes no further
    end }
    assert.same({ false, protected.ENDED }, { protected.call(owner, runtime, function() end, nil, 12.5) })
    assert.same({ 12.5 }, deadlines)
  end)

  it("leaves nothing to the light thread that it ran in, which nginx uses again for something else", function()
    local again
    local runtime = {}
    function runtime.in_light_thread(_, run)
      local thread = coroutine.create(function()
        run()
        again = protected.inside(owner)
      end)
      assert(coroutine.resume(thread))
    end
    for _, fn in ipairs { function() end, function() error() end } do
      again = nil
      protected.call(owner, runtime, fn)
      assert.is_false(again)
    end
  end)
end)
