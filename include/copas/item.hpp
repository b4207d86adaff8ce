// SPDX-License-Identifier: MIT
// Items of a queue as C's pointers: small ones in the pointer itself, a unique_ptr as what it owns,
// others on the heap.
#ifndef COPAS_ITEM_HPP
#define COPAS_ITEM_HPP

#include <cstring>
#include <memory>
#include <type_traits>
#include <utility>

namespace copas_cpp::detail {

template <class T, class = void> struct item {
  static void *put(T &&value) { return new T(std::move(value)); }
  static T take(void *raw)
  {
    const std::unique_ptr<T> owned(static_cast<T *>(raw));
    return std::move(*owned);
  }
  static void drop(void *raw) { delete static_cast<T *>(raw); }
};

template <class T>
struct item<T, std::enable_if_t<std::is_trivially_copyable_v<T> && std::is_default_constructible_v<T> &&
                                !std::is_empty_v<T> && sizeof(T) <= sizeof(void *)>> {
  static void *put(T &&value) noexcept
  {
    void *raw = nullptr;
    std::memcpy(&raw, &value, sizeof(T));
    return raw;
  }
  static T take(void *raw) noexcept
  {
    T value{};
    std::memcpy(&value, &raw, sizeof(T));
    return value;
  }
  static void drop(void *) noexcept {}
};

template <class T> struct item<std::unique_ptr<T>> {
  static_assert(!std::is_array_v<T>, "a queue takes a unique_ptr to one object");
  static void *put(std::unique_ptr<T> &&value) noexcept { return value.release(); }
  static std::unique_ptr<T> take(void *raw) noexcept
  {
    return std::unique_ptr<T>(static_cast<T *>(raw));
  }
  static void drop(void *raw) { delete static_cast<T *>(raw); }
};

} // namespace copas_cpp::detail

#endif
