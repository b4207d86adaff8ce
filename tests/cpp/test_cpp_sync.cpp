// SPDX-License-Identifier: MIT
// Coroutines and what stands between them: locks, semaphores, queues, futures, select.
#include "expect.hpp"

namespace {

void lambdas_of_any_size_run_once_and_are_destroyed()
{
  copas::dispatcher d;
  const auto kept = std::make_shared<int>(0);
  int seen = 0;
  d.addthread([&seen] { seen += 1; });
  d.addthread([kept, &seen, big = std::string(100, 'x')] { seen += static_cast<int>(big.size()); });
  d.addthread([kept, only = std::make_unique<int>(1000), &seen] { seen += *only; });
  CHECK_NUMBER(kept.use_count(), 3);
  d.loop();
  CHECK_NUMBER(seen, 1101);
  CHECK_NUMBER(kept.use_count(), 1);
  d.addthread([kept] { CHECK_FAIL("it ran"); }).cancel();
  d.loop();
  CHECK_NUMBER(kept.use_count(), 1);
}

void a_coroutine_has_a_name_and_can_be_woken_and_joined()
{
  copas::dispatcher d;
  copas::thread_options options;
  options.name = "sleeper";
  const copas::thread_ref thread = d.addthread([&] {
    CHECK(copas::current() == d);
    d.pauseforever();
  }, options);
  CHECK_TEXT(thread.name(), "sleeper");
  CHECK(!thread.wakeup());
  d.step(0s);
  CHECK_THROWS(copas::timeout_error, thread.join(0s));
  CHECK(thread.wakeup());
  thread.join(patience);
  CHECK_TEXT(thread.name(), "");
  CHECK_THROWS(copas::stale_error, thread.cancel());
  CHECK(!copas::running() && !copas::current());
}

void a_coroutines_captures_end_on_its_stack()
{
  copas::dispatcher d;
  bool waited = false;
  struct waits_at_its_end {
    copas::dispatcher_ref d;
    bool *waited;
    waits_at_its_end(copas::dispatcher_ref of, bool *flag) : d(of), waited(flag) {}
    waits_at_its_end(waits_at_its_end &&other) noexcept
        : d(other.d), waited(std::exchange(other.waited, nullptr))
    {
    }
    ~waits_at_its_end()
    {
      std::error_code ec;
      if (waited == nullptr) return;
      d.pause(1ms, ec);
      *waited = !ec;
    }
  };
  d.addthread([last = waits_at_its_end(d, &waited)] { static_cast<void>(last); });
  d.loop();
  CHECK(waited);
}

void a_negative_duration_has_passed_already()
{
  copas::dispatcher d;
  static_assert(copas::time_limit(-5s).count() == 0);
  static_assert(copas::forever.is_none());
  const copas::queue<int> queue(d);
  CHECK_THROWS(copas::timeout_error, queue.pop(-1s));
  CHECK(d.pause(2ms) >= 2ms);
}

void a_lock_is_held_for_a_scope()
{
  copas::dispatcher d;
  const copas::lock lock(d);
  int inside = 0;
  const auto work = [&] {
    const copas::lock_guard held(lock);
    CHECK_NUMBER(++inside, 1);
    d.pause(1ms);
    inside--;
  };
  for (int i = 0; i < 5; i++) d.addthread(work);
  d.loop();
  const copas::lock plain(d, 1s, COPAS_NOT_REENTRANT);
  CHECK(plain.get() < 1s);
  CHECK_THROWS(copas::error, plain.get());
  plain.release();
  CHECK_THROWS(copas::error, plain.release());
}

void an_exception_releases_what_the_scope_holds()
{
  copas::dispatcher d;
  const copas::lock lock(d);
  const copas::semaphore semaphore(d, 3, 3);
  try {
    const copas::lock_guard held(lock);
    const copas::permit two(semaphore, 2);
    CHECK_NUMBER(semaphore.count(), 1);
    throw 1;
  } catch (int) {
  }
  CHECK_NUMBER(semaphore.count(), 3);
  bool got = false;
  d.addthread([&] {
    const copas::lock_guard held(lock, 0s);
    got = true;
  });
  d.loop();
  CHECK(got);
  CHECK_THROWS(copas::error, semaphore.give());
  semaphore.take(3);
  CHECK_NUMBER(semaphore.waiting(), 0);
  CHECK_THROWS(copas::timeout_error, semaphore.take(1, 0s));
}

template <class T> void pass_through(copas::dispatcher_ref d, T first, T second)
{
  const T wanted = first;
  const copas::queue<T> queue(d);
  queue.push(first);
  queue.push(std::move(second));
  CHECK_NUMBER(queue.size(), 2);
  CHECK(queue.pop() == wanted);
  // The second is left, for the queue's end.
}

struct three_words {
  long a, b, c;
  bool operator==(const three_words &other) const { return a == other.a && c == other.c; }
};

void items_of_any_type_pass_through_a_queue()
{
  copas::dispatcher d;
  int target = 0;
  pass_through<int>(d, -5, 6);
  pass_through<int *>(d, &target, nullptr);
  pass_through<std::string>(d, std::string(100, 'x'), "left behind");
  pass_through<three_words>(d, {1, 2, 3}, {4, 5, 6});
  pass_through<std::shared_ptr<int>>(d, std::make_shared<int>(1), nullptr);
  const copas::queue<std::unique_ptr<int>> owners(d);
  owners.push(std::make_unique<int>(7));
  owners.push(std::make_unique<int>(8));
  CHECK_NUMBER(*owners.pop(), 7);
}

void an_item_that_the_queue_does_not_take_stays_the_callers()
{
  copas::dispatcher d;
  std::error_code ec;
  const copas::queue<std::unique_ptr<int>> queue(d, 1);
  queue.push(std::make_unique<int>(1));
  auto mine = std::make_unique<int>(2);
  CHECK_THROWS(copas::timeout_error, queue.push(std::move(mine), 0s));
  queue.push(std::move(mine), 0s, ec);
  CHECK(ec == COPAS_TIMEOUT);
  CHECK_NUMBER(*mine, 2);
  CHECK_NUMBER(**queue.pop(0s, ec), 1);
  CHECK(!queue.pop(0s, ec) && ec == COPAS_TIMEOUT);
}

void workers_share_a_queue_until_it_is_finished()
{
  copas::dispatcher d;
  copas::queue<std::string> queue(d, 10);
  std::vector<std::string> done;
  for (int i = 0; i < 3; i++)
    queue.addworker([&](std::string item) {
      d.pause(0s);
      done.push_back(std::move(item));
    });
  for (int i = 0; i < 30; i++) queue.push("item " + std::to_string(i));
  queue.finish(patience);
  CHECK_NUMBER(done.size(), 30);
  CHECK_THROWS(copas::stopped_error, queue.push("late"));
}

void finish_waits_for_the_workers_last_items()
{
  copas::dispatcher d;
  copas::queue<int> queue(d);
  bool done = false;
  queue.addworker([&](int) {
    d.pause(20ms);
    done = true;
  });
  queue.push(1);
  while (queue.size() > 0) d.step(10ms);
  CHECK_THROWS(copas::timeout_error, queue.finish(0s));
  queue.finish();
  CHECK(done);
}

void a_future_gives_its_result_to_many()
{
  copas::dispatcher d;
  const auto text = d.addfuture([&] {
    d.pause(1ms);
    return std::string("result");
  });
  int got = 0;
  for (int i = 0; i < 3; i++)
    d.addthread([&] {
      CHECK_TEXT(text.get(), "result");
      got++;
    });
  d.loop();
  CHECK_NUMBER(got, 3);
  const std::string moved = std::move(text.get());
  CHECK_TEXT(moved, "result");
  const copas::future<void> nothing = d.addfuture([] {});
  nothing.get(patience);
  std::error_code ec;
  CHECK(nothing.get(0s, ec) != nullptr && !ec);
}

void a_future_gives_its_exception()
{
  reports told;
  copas::dispatcher d(told.options());
  std::error_code ec;
  const auto future = d.addfuture([]() -> int { throw std::out_of_range("too far"); });
  CHECK_THROWS(std::out_of_range, future.get(patience));
  CHECK_THROWS(std::out_of_range, future.get(patience));
  CHECK(future.get(0s, ec) == nullptr && ec == COPAS_FAILED);
  CHECK(future.exception() != nullptr);
  CHECK(told.texts.empty());
}

void a_canceled_future_has_no_result()
{
  copas::dispatcher d;
  std::error_code ec;
  const auto kept = std::make_shared<int>(0);
  const auto sleeper = d.addfuture([&d, kept] { d.pause(1h); });
  const auto never = d.addfuture([kept] { return 1; });
  CHECK(never.get(0s, ec) == nullptr && ec == COPAS_TIMEOUT);
  never.cancel();
  CHECK_THROWS(copas::error, never.get(patience));
  sleeper.cancel();
  CHECK_THROWS(copas::error, sleeper.get(patience));
  sleeper.cancel();
  {
    const auto dropped = d.addfuture([&d, kept] { d.pause(1h); });
    d.step(0s);
  }
  d.loop();
  CHECK_NUMBER(kept.use_count(), 1);
}

void select_gives_the_first_of_each_kind()
{
  copas::dispatcher d;
  const auto pair = socket_pair(d);
  const copas::socket &near = pair.first, &far = pair.second;
  const copas::queue<std::string> queue(d), full(d, 1);
  const copas::semaphore semaphore(d, 1, 0);
  const copas::lock lock(d);
  std::optional<std::string> item;
  std::string offer = "offered";
  full.push("in the way");
  const auto choose = [&](copas::time_limit limit = patience) {
    return d.select({near.on_receive(), queue.on_pop(item), full.on_push(offer), semaphore.on_take()},
                    limit);
  };
  CHECK_THROWS(copas::timeout_error, choose(0s));
  CHECK_TEXT(offer, "offered");
  far.send("x");
  far.flush();
  CHECK_NUMBER(choose(), 0);
  near.receive_some();
  queue.push("an item");
  CHECK_NUMBER(choose(), 1);
  CHECK_TEXT(*item, "an item");
  CHECK_TEXT(full.pop(), "in the way");
  CHECK_NUMBER(choose(), 2);
  CHECK_TEXT(full.pop(), "offered");
  full.push("again");
  offer = "kept";
  semaphore.give();
  CHECK_NUMBER(choose(), 3);
  CHECK_TEXT(offer, "kept");
  const auto future = d.addfuture([] { return 1; });
  CHECK_NUMBER(d.select({future.on_result()}, patience), 0);
  CHECK_NUMBER(d.select({lock.on_get()}), 0);
  CHECK_NUMBER(d.select({near.on_send()}), 0);
}

void a_choice_that_fails_says_so()
{
  copas::dispatcher d;
  std::error_code ec;
  std::optional<int> item;
  const copas::queue<int> open(d), stopped(d);
  stopped.stop();
  CHECK_NUMBER(d.select({open.on_pop(item), stopped.on_pop(item)}, 0s, ec), 1);
  CHECK(ec == COPAS_STOPPED && !item);
  CHECK_NUMBER(d.select({open.on_pop(item)}, 0s, ec), -1);
  CHECK(ec == COPAS_TIMEOUT);
  CHECK_THROWS(copas::stopped_error, d.select({stopped.on_pop(item)}));
}

void objects_may_outlive_their_dispatcher()
{
  auto d = std::make_unique<copas::dispatcher>();
  const copas::lock lock(*d);
  const copas::semaphore semaphore(*d, 1, 1);
  const copas::queue<std::string> queue(*d);
  const copas::socket skt = d->bind("127.0.0.1", 0);
  const auto future = d->addfuture([] { return 5; });
  CHECK_NUMBER(future.get(), 5);
  queue.push("left behind");
  d.reset();
  CHECK_THROWS(copas::stale_error, queue.size());
  CHECK_NUMBER(future.get(), 5);
}

} // namespace

int main()
{
  RUN(lambdas_of_any_size_run_once_and_are_destroyed);
  RUN(a_coroutine_has_a_name_and_can_be_woken_and_joined);
  RUN(a_coroutines_captures_end_on_its_stack);
  RUN(a_negative_duration_has_passed_already);
  RUN(a_lock_is_held_for_a_scope);
  RUN(an_exception_releases_what_the_scope_holds);
  RUN(items_of_any_type_pass_through_a_queue);
  RUN(an_item_that_the_queue_does_not_take_stays_the_callers);
  RUN(workers_share_a_queue_until_it_is_finished);
  RUN(finish_waits_for_the_workers_last_items);
  RUN(a_future_gives_its_result_to_many);
  RUN(a_future_gives_its_exception);
  RUN(a_canceled_future_has_no_result);
  RUN(select_gives_the_first_of_each_kind);
  RUN(a_choice_that_fails_says_so);
  RUN(objects_may_outlive_their_dispatcher);
  return check_report();
}
