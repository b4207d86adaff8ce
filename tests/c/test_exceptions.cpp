/* SPDX-License-Identifier: MIT */
/* C++ exceptions across switches: each coroutine has its own caught and flying exceptions. */
#include "network.h"

#include <cxxabi.h>
#include <exception>
#include <stdexcept>
#include <string>

namespace {

const int COROUTINES = 50;
const int ROUNDS = 16;

int finished;

void wait_a_little()
{
  CHECK_OK(copas_pause(copas_current(), 0, NULL));
}

std::string text_of(int who, int round)
{
  return "exception " + std::to_string(round) + " of " + std::to_string(who);
}

void rethrow_after_a_wait(int who, int round)
{
  try {
    throw std::runtime_error(text_of(who, round));
  } catch (const std::exception &) {
    wait_a_little();
    throw;
  }
}

void rethrow_in_rounds(void *user)
{
  int who = *static_cast<int *>(user);
  for (int round = 0; round < ROUNDS; round++) {
    try {
      rethrow_after_a_wait(who, round);
      CHECK_FAIL("nothing was thrown");
    } catch (const std::runtime_error &error) {
      if (error.what() != text_of(who, round))
        CHECK_FAIL("\"%s\" came instead of \"%s\"", error.what(), text_of(who, round).c_str());
      wait_a_little();
    }
    CHECK(!std::current_exception());
  }
  finished++;
}

void run_all(copas_thread_fn body)
{
  static int numbers[COROUTINES];
  copas *c = net_new(NULL);
  finished = 0;
  for (int i = 0; i < COROUTINES; i++) {
    numbers[i] = i;
    CHECK_OK(copas_addthread(c, body, &numbers[i], NULL));
  }
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_NUMBER(finished, COROUTINES);
  CHECK_OK(copas_free(c));
}

void fifty_coroutines_that_wait_in_a_catch_rethrow_their_own()
{
  run_all(rethrow_in_rounds);
}

void nest_deeper(int who, int depth)
{
  try {
    throw std::out_of_range(text_of(who, depth));
  } catch (const std::out_of_range &) {
    wait_a_little();
    if (depth < 4) nest_deeper(who, depth + 1);
    wait_a_little();
    try {
      throw;
    } catch (const std::exception &again) {
      CHECK(again.what() == text_of(who, depth));
    }
  }
}

void nest(void *user)
{
  nest_deeper(*static_cast<int *>(user), 0);
  CHECK(!std::current_exception());
  finished++;
}

void exceptions_nested_in_handlers_stay_apart()
{
  run_all(nest);
}

struct WaitsWhenDestroyed {
  ~WaitsWhenDestroyed()
  {
    CHECK_NUMBER(std::uncaught_exceptions(), 1);
    wait_a_little();
    CHECK_NUMBER(std::uncaught_exceptions(), 1);
  }
};

void unwind(void *user)
{
  int who = *static_cast<int *>(user);
  CHECK_NUMBER(std::uncaught_exceptions(), 0);
  try {
    WaitsWhenDestroyed waits;
    throw who;
  } catch (int thrown) {
    CHECK_NUMBER(thrown, who);
  }
  finished++;
}

void a_destructor_may_wait_while_an_exception_flies()
{
  run_all(unwind);
}

void keep(void *user)
{
  int who = *static_cast<int *>(user);
  std::exception_ptr kept;
  try {
    throw std::logic_error(text_of(who, 0));
  } catch (...) {
    wait_a_little();
    kept = std::current_exception();
  }
  wait_a_little();
  try {
    std::rethrow_exception(kept);
  } catch (const std::logic_error &error) {
    CHECK(error.what() == text_of(who, 0));
  }
  finished++;
}

void the_current_exception_after_a_wait_is_the_coroutines_own()
{
  run_all(keep);
}

void the_root_keeps_its_own_exception_while_it_waits()
{
  static int who = 7;
  copas *c = net_new(NULL);
  finished = 0;
  CHECK_OK(copas_addthread(c, rethrow_in_rounds, &who, NULL));
  try {
    try {
      throw std::runtime_error("the root's");
    } catch (...) {
      CHECK_OK(copas_pause(c, 0.002, NULL));
      throw;
    }
  } catch (const std::runtime_error &error) {
    CHECK(std::string(error.what()) == "the root's");
  }
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_NUMBER(finished, 1);
  CHECK_OK(copas_free(c));
}

} // namespace

int main()
{
#ifdef GIVE_CXA_GLOBALS
  copas_set_cxa_globals(reinterpret_cast<copas_cxa_globals_fn>(abi::__cxa_get_globals));
#endif
  RUN(fifty_coroutines_that_wait_in_a_catch_rethrow_their_own);
  RUN(exceptions_nested_in_handlers_stay_apart);
  RUN(a_destructor_may_wait_while_an_exception_flies);
  RUN(the_current_exception_after_a_wait_is_the_coroutines_own);
  RUN(the_root_keeps_its_own_exception_while_it_waits);
  return check_report();
}
