# SPDX-License-Identifier: MIT
# The library: cargo builds it, and two imported targets stand for its files.
#   Copas::copas         the shared library
#   Copas::copas_static  the static library, with the system libraries that it needs

find_program(CARGO cargo HINTS "$ENV{HOME}/.cargo/bin")
if(NOT CARGO)
  message(FATAL_ERROR "cargo is missing: install Rust (on Debian: apt-get install rustup, then "
    "rustup default stable), or run scripts/setup")
endif()

set(cargo_profile release)
set(cargo_flags --release)
if(CMAKE_BUILD_TYPE STREQUAL "Debug")
  set(cargo_profile debug)
  set(cargo_flags)
endif()
if(EXISTS "${PROJECT_SOURCE_DIR}/Cargo.lock")
  list(APPEND cargo_flags --locked)
endif()

if(COPAS_FAULTS)
  # System calls fail on a schedule; see docs/design.md.
  set(cargo_profile faults)
  list(REMOVE_ITEM cargo_flags --release)
  list(APPEND cargo_flags --profile faults --features faults)
endif()

set(COPAS_DEFINITIONS)
if(NOT COPAS_TLS)
  list(APPEND cargo_flags --no-default-features)
  # The header leaves out what the library does not have.
  set(COPAS_DEFINITIONS COPAS_NO_TLS)
endif()

set(cargo_output "${COPAS_CARGO_TARGET_DIR}/${cargo_profile}")
set(COPAS_LIBRARY_DIR "" CACHE PATH
  "A folder with a library that is built already, to be used as it is; empty: cargo builds one")
set(library_dir "${PROJECT_BINARY_DIR}/lib")
if(COPAS_LIBRARY_DIR)
  set(library_dir "${COPAS_LIBRARY_DIR}")
endif()
set(shared_library "${library_dir}/libcopas.so.${PROJECT_VERSION}")
set(soname_link "${library_dir}/libcopas.so.${COPAS_ABI}")
set(linker_link "${library_dir}/libcopas.so")
set(static_library "${library_dir}/libcopas.a")

if(COPAS_LIBRARY_DIR)
  foreach(file IN ITEMS "${soname_link}" "${static_library}")
    if(NOT EXISTS "${file}")
      message(FATAL_ERROR "COPAS_LIBRARY_DIR has no ${file}: build the library there first")
    endif()
  endforeach()
  add_custom_target(copas_library)
else()
  file(GLOB_RECURSE rust_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/*.rs")
  add_custom_command(
    OUTPUT "${shared_library}" "${static_library}"
    BYPRODUCTS "${soname_link}" "${linker_link}"
    COMMAND "${CMAKE_COMMAND}" -E env "CARGO_TARGET_DIR=${COPAS_CARGO_TARGET_DIR}"
      "${CARGO}" build --lib ${cargo_flags} --manifest-path "${PROJECT_SOURCE_DIR}/Cargo.toml"
    COMMAND "${CMAKE_COMMAND}" -E make_directory "${library_dir}"
    COMMAND "${CMAKE_COMMAND}" -E copy "${cargo_output}/libcopas.so" "${shared_library}"
    COMMAND "${CMAKE_COMMAND}" -E copy "${cargo_output}/libcopas.a" "${static_library}"
    COMMAND "${CMAKE_COMMAND}" -E create_symlink "libcopas.so.${PROJECT_VERSION}" "${soname_link}"
    COMMAND "${CMAKE_COMMAND}" -E create_symlink "libcopas.so.${COPAS_ABI}" "${linker_link}"
    DEPENDS ${rust_sources} "${PROJECT_SOURCE_DIR}/Cargo.toml" "${PROJECT_SOURCE_DIR}/build.rs"
      "${PROJECT_SOURCE_DIR}/cbindgen.toml"
    COMMENT "Building libcopas with cargo (${cargo_profile})"
    USES_TERMINAL
    VERBATIM)
  add_custom_target(copas_library ALL DEPENDS "${shared_library}" "${static_library}")
endif()

# A large frame must not jump over a stack's guard: compilers probe only when asked.
set(COPAS_COMPILE_OPTIONS -fstack-clash-protection)
# What rustc's --print native-static-libs names for this target.
set(COPAS_STATIC_LIBS gcc_s util rt pthread m dl c)

add_library(copas SHARED IMPORTED GLOBAL)
set_target_properties(copas PROPERTIES
  IMPORTED_LOCATION "${soname_link}"
  IMPORTED_SONAME "libcopas.so.${COPAS_ABI}"
  INTERFACE_INCLUDE_DIRECTORIES "${PROJECT_SOURCE_DIR}/include"
  INTERFACE_COMPILE_DEFINITIONS "${COPAS_DEFINITIONS}"
  INTERFACE_COMPILE_OPTIONS "${COPAS_COMPILE_OPTIONS}")
add_dependencies(copas copas_library)
add_library(Copas::copas ALIAS copas)

add_library(copas_static STATIC IMPORTED GLOBAL)
set_target_properties(copas_static PROPERTIES
  IMPORTED_LOCATION "${static_library}"
  INTERFACE_INCLUDE_DIRECTORIES "${PROJECT_SOURCE_DIR}/include"
  INTERFACE_COMPILE_DEFINITIONS "${COPAS_DEFINITIONS}"
  INTERFACE_COMPILE_OPTIONS "${COPAS_COMPILE_OPTIONS}"
  INTERFACE_LINK_LIBRARIES "${COPAS_STATIC_LIBS}")
add_dependencies(copas_static copas_library)
add_library(Copas::copas_static ALIAS copas_static)
