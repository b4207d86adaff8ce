// SPDX-License-Identifier: MIT
// Several dispatchers and the mailboxes between them.
#include "expect.hpp"

#include <atomic>
#include <thread>

namespace {

void items_of_any_type_go_from_one_dispatcher_to_another()
{
  const copas::mailbox<std::string> texts(2);
  const copas::mailbox<std::unique_ptr<int>> answers(100);
  std::vector<std::string> seen;
  int sum = 0;
  copas::loop_many(2, [&](copas::dispatcher_ref d, int number) {
    if (number == 0)
      d.addthread([&] {
        for (int i = 0; i < 100; i++) texts.put(std::to_string(i), patience);
        texts.stop();
        for (int i = 0; i < 100; i++) sum += *answers.take(patience);
      });
    else
      d.addthread([&] {
        std::error_code ec;
        while (std::optional<std::string> text = texts.take(patience, ec)) {
          answers.put(std::make_unique<int>(std::stoi(*text)), patience);
          seen.push_back(std::move(*text));
        }
        CHECK_NUMBER(ec.value(), COPAS_STOPPED);
      });
  });
  CHECK_NUMBER(seen.size(), 100);
  CHECK_TEXT(seen.back(), "99");
  CHECK_NUMBER(sum, 4950);
}

void what_is_not_put_or_not_chosen_stays_with_the_caller()
{
  const copas::mailbox<std::string> texts(1);
  std::string value = "first";
  texts.put(std::move(value), 0s);
  value = "second";
  CHECK_THROWS(copas::timeout_error, texts.put(std::move(value), 0s));
  CHECK_TEXT(value, "second");
  CHECK_NUMBER(texts.size(), 1);
  copas::dispatcher d;
  std::optional<std::string> taken;
  CHECK_NUMBER(d.select({texts.on_put(value), texts.on_take(taken)}, patience), 1);
  CHECK_TEXT(*taken, "first");
  CHECK_TEXT(value, "second");
  CHECK_NUMBER(d.select({texts.on_put(value)}, patience), 0);
  CHECK_TEXT(texts.take(0s), "second");
  CHECK_THROWS(copas::timeout_error, static_cast<void>(texts.take(0s)));
  texts.stop();
  CHECK_THROWS(copas::stopped_error, static_cast<void>(texts.take(0s)));
}

void what_is_left_is_destroyed_with_the_mailbox()
{
  const auto kept = std::make_shared<int>(1);
  {
    copas::mailbox<std::shared_ptr<int>> box(3);
    box.put(kept, 0s);
    box.put(kept, 0s);
    CHECK_NUMBER(kept.use_count(), 3);
  }
  CHECK_NUMBER(kept.use_count(), 1);
}

void dispatchers_share_a_port_until_one_is_shut_down()
{
  std::atomic<int> port{0};
  std::thread client;
  copas::loop_many(3, [&](copas::dispatcher_ref d, int number) {
    const copas::socket_ref server =
        d.addserver(d.bind("127.0.0.1", port, COPAS_BIND_REUSEPORT), [](copas::socket_ref peer) {
          peer.send(peer.receive(COPAS_LINE));
          copas::current().shutdown(patience);
        });
    port = server.getsockname().port();
    if (number == 2) client = std::thread([&port] {
        char answer[2];
        const int fd = net_connect(port);
        net_puts(fd, "hi\n");
        CHECK_NUMBER(recv(fd, answer, sizeof answer, MSG_WAITALL), 2);
        close(fd);
      });
  });
  client.join();
  CHECK(net_refused(port));
}

void what_a_set_up_throws_is_thrown_to_the_caller()
{
  reports told;
  int count = 0;
  const auto run = [&](auto fail) {
    copas::loop_many(3, [&](copas::dispatcher_ref d, int number) {
      count++;
      if (number == 1) fail(d);
    }, told.options());
  };
  CHECK_THROWS(std::logic_error, run([](copas::dispatcher_ref) { throw std::logic_error("planted"); }));
  CHECK_NUMBER(count, 2);
  CHECK_THROWS(copas::error, run([](copas::dispatcher_ref d) { d.bind("127.0.0.1", 70000); }));
  CHECK(told.tell("70000"));
  CHECK_THROWS(copas::error, copas::loop_many(-1, [](copas::dispatcher_ref, int) {}));
}

} // namespace

int main()
{
  RUN(items_of_any_type_go_from_one_dispatcher_to_another);
  RUN(what_is_not_put_or_not_chosen_stays_with_the_caller);
  RUN(what_is_left_is_destroyed_with_the_mailbox);
  RUN(dispatchers_share_a_port_until_one_is_shut_down);
  RUN(what_a_set_up_throws_is_thrown_to_the_caller);
  return check_report();
}
