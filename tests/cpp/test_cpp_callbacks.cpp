// SPDX-License-Identifier: MIT
// The dispatcher and its callbacks: timers, posts, signals, errors, other OS threads.
#include "expect.hpp"

#include <atomic>
#include <thread>

namespace {

void a_timer_calls_its_lambda()
{
  copas::dispatcher d;
  int fired = 0;
  const auto kept = std::make_shared<int>(0);
  copas::timer_options again;
  again.delay = 1ms;
  again.initial_delay = 0s;
  again.flags = COPAS_RECURRING;
  again.name = "tick";
  {
    const copas::timer timer(d, again, [&, kept](copas::timer_ref self) {
      CHECK(copas::running().name().substr(0, 10) == "tick:timer");
      if (++fired == 3) self.cancel();
    });
    d.loop();
    CHECK_NUMBER(fired, 3);
    timer.arm(0s);
    CHECK_NUMBER(d.select({timer.on_fire()}, patience), 0);
    timer.cancel();
  }
  d.loop();
  CHECK_NUMBER(kept.use_count(), 1);
  copas::timer_options never;
  const copas::timer plain(d, never, [&] { fired = 100; });
  d.loop();
  CHECK_NUMBER(fired, 100);
}

void a_post_from_another_os_thread_runs_on_the_dispatchers()
{
  copas::dispatcher d;
  const std::thread::id own = std::this_thread::get_id();
  int ran = 0;
  const copas::hold until_posted(d);
  std::thread other([&] {
    for (int i = 0; i < 100; i++)
      d.post([&ran, own, big = std::string(50, 'x')] {
        CHECK(std::this_thread::get_id() == own);
        ran++;
      });
    d.notify();
  });
  while (ran < 100) d.step(10ms);
  other.join();
}

void posts_that_never_run_are_dropped()
{
  const auto kept = std::make_shared<int>(0);
  {
    copas::dispatcher d;
    d.addthread([&d, kept] {
      std::error_code ec;
      d.pause(1h, ec);
      d.post([kept] {});
    });
    d.step(0s);
    d.post([kept] {});
  }
  CHECK_NUMBER(kept.use_count(), 1);
  copas::dispatcher freed;
  const copas::dispatcher_ref stale = freed;
  freed.free();
  CHECK_THROWS(copas::stale_error, stale.post([kept] {}));
  CHECK_NUMBER(kept.use_count(), 1);
}

void posts_race_with_the_end_of_their_dispatcher()
{
  const auto kept = std::make_shared<std::atomic<int>>(0);
  for (int round = 0; round < (check_small() ? 5 : 40); round++) {
    copas::dispatcher d;
    const copas::dispatcher_ref view = d;
    std::atomic<bool> posting = false;
    std::thread other([&posting, view, kept] {
      std::error_code ec;
      while (!ec) {
        view.post([kept] { ++*kept; }, ec);
        posting = true;
      }
      CHECK(ec == COPAS_STALE);
    });
    while (!posting) std::this_thread::yield();
    d.step(0s);
    d.free();
    other.join();
  }
  CHECK_NUMBER(kept.use_count(), 1);
}

void an_exception_in_a_callback_on_the_root_is_reported()
{
  reports told;
  copas::dispatcher d(told.options());
  d.post([] { throw std::runtime_error("a post's"); });
  d.loop();
  CHECK(told.tell("a post's"));
  copas::timer_options now;
  const copas::timer timer(d, now, [] { throw std::runtime_error("a timer's"); });
  d.loop();
  CHECK(told.tell("a timer's"));
}

void an_error_handler_is_told_of_failures()
{
  copas::dispatcher d;
  std::vector<std::string> texts;
  d.seterrorhandler([&](const copas::failure &failed) {
    CHECK(failed.thread && !failed.client);
    CHECK_STATUS(failed.status, COPAS_FAILED);
    texts.emplace_back(failed.text);
  });
  copas::dispatcher moved = std::move(d);
  moved.addthread([] { throw std::runtime_error("told"); });
  moved.loop();
  CHECK_NUMBER(texts.size(), 1);
  CHECK_TEXT(texts[0], "told");
}

void a_report_that_throws_harms_nobody()
{
  copas::dispatcher_options options;
  options.report = [](copas_level, std::string_view) { throw 1; };
  copas::dispatcher d(std::move(options));
  d.addthread([] { throw 2; });
  d.loop();
}

void a_signal_reaches_its_handler()
{
  copas::dispatcher d;
  int got = 0;
  d.on_signal(SIGUSR1, [&](int number) {
    got = number;
    d.on_signal(SIGUSR1, {});
  });
  std::error_code ec;
  copas::dispatcher other;
  other.on_signal(SIGUSR1, [](int) {}, ec);
  CHECK(ec == COPAS_BUSY);
  raise(SIGUSR1);
  while (got == 0) d.step(10ms);
  CHECK_NUMBER(got, SIGUSR1);
  other.on_signal(SIGUSR1, [](int) {});
}

void offload_gives_results_and_exceptions()
{
  copas::dispatcher d;
  const std::thread::id own = std::this_thread::get_id();
  std::error_code ec;
  CHECK(d.offload([] { return std::this_thread::get_id(); }) != own);
  CHECK_TEXT(d.offload([] { return std::string("text"); }), "text");
  d.offload([] {});
  CHECK_NUMBER(*d.offload([] { return 7; }, ec), 7);
  CHECK(d.offload([] {}, ec));
  CHECK_THROWS(std::out_of_range, d.offload([] { throw std::out_of_range("far"); }));
  const auto later = d.addfuture([&] { return d.offload([] { return 1; }); });
  CHECK_NUMBER(later.get(), 1);
}

void a_dispatcher_tells_what_it_does()
{
  copas::dispatcher d;
  d.setstatistics(true);
  d.addthread([&] { d.pause(1ms); });
  CHECK_NUMBER(d.stats().running, 1);
  CHECK(!d.finished());
  d.cancelall();
  d.loop();
  CHECK(d.stats().steps > 0);
  CHECK(d.finished());
  CHECK(!d.step(0s));
  const copas::seconds before = d.now();
  CHECK(d.now() >= before);
}

void a_shutdown_ends_the_loop()
{
  copas::dispatcher d;
  bool told = false, canceled = false;
  d.addserver(d.bind("127.0.0.1", 0), [](copas::socket_ref) {});
  d.addthread([&] {
    d.waitforexit();
    told = d.exiting();
  });
  d.addthread([&] {
    try {
      d.pause(1h);
    } catch (const copas::canceled &) {
      canceled = true;
    }
  });
  std::thread([&] { d.shutdown(10ms); }).join();
  d.loop();
  CHECK(told && canceled);
  d.exit();
}

void a_dispatcher_cannot_be_freed_inside_its_loop()
{
  copas::dispatcher d;
  std::error_code ec;
  d.addthread([&] { d.free(ec); });
  d.loop();
  CHECK(ec == COPAS_CANNOT_WAIT && d);
  d.free();
  CHECK(!d);
  d = copas::dispatcher();
  CHECK(d);
}

void who_ignores_its_cancellation_is_told()
{
  reports told;
  copas::dispatcher d(told.options());
  d.addthread([&] {
    std::error_code ec;
    for (;;) d.pause(1h, ec);
  });
  d.step(0s);
  try {
    d.free();
    CHECK_FAIL("nothing was thrown");
  } catch (const copas::error &failure) {
    CHECK_STATUS(failure.status(), COPAS_ABANDONED);
  }
  CHECK_NUMBER(told.texts.size(), 1);
}

void exceptions_stay_with_their_coroutine_across_waits()
{
  copas::dispatcher d;
  int right = 0;
  for (int who = 0; who < 20; who++)
    d.addthread([&d, &right, who] {
      for (int round = 0; round < 10; round++) {
        try {
          throw who;
        } catch (int) {
          d.pause(0s);
          try {
            throw;
          } catch (int mine) {
            right += mine == who;
          }
        }
      }
    });
  d.loop();
  CHECK_NUMBER(right, 200);
}

} // namespace

int main()
{
  RUN(a_timer_calls_its_lambda);
  RUN(a_post_from_another_os_thread_runs_on_the_dispatchers);
  RUN(posts_that_never_run_are_dropped);
  RUN(posts_race_with_the_end_of_their_dispatcher);
  RUN(an_exception_in_a_callback_on_the_root_is_reported);
  RUN(an_error_handler_is_told_of_failures);
  RUN(a_report_that_throws_harms_nobody);
  RUN(a_signal_reaches_its_handler);
  RUN(offload_gives_results_and_exceptions);
  RUN(a_dispatcher_tells_what_it_does);
  RUN(a_shutdown_ends_the_loop);
  RUN(a_dispatcher_cannot_be_freed_inside_its_loop);
  RUN(who_ignores_its_cancellation_is_told);
  RUN(exceptions_stay_with_their_coroutine_across_waits);
  return check_report();
}
