# SPDX-License-Identifier: Apache-2.0
# find_package(trustee-plugin): headers for plugins of the Trustee service.
#
#     find_package(trustee-plugin REQUIRED)
#     trustee_add_plugin(acme src/plugin.c)          # builds acme.so, which exports one symbol
#     target_link_libraries(acme PRIVATE OpenSSL::Crypto)
#     install(TARGETS acme DESTINATION ${TRUSTEE_PLUGIN_DIRECTORY})
get_filename_component(_trustee_prefix "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)
set(TRUSTEE_PLUGIN_VERSION "@VERSION@")
set(TRUSTEE_PLUGIN_DIRECTORY "${_trustee_prefix}/lib/trustee/plugins")

if(NOT TARGET trustee::plugin)
  add_library(trustee::plugin INTERFACE IMPORTED)
  set_target_properties(trustee::plugin PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${_trustee_prefix}/include")
endif()

function(trustee_add_plugin name)
  add_library(${name} MODULE ${ARGN})
  target_link_libraries(${name} PRIVATE trustee::plugin)
  set_target_properties(${name} PROPERTIES PREFIX "" SUFFIX ".so" C_VISIBILITY_PRESET hidden
    CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON POSITION_INDEPENDENT_CODE ON)
endfunction()
unset(_trustee_prefix)
