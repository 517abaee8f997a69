// The form of one request as abi.h shows it, and the named files that were asked of it. Belongs to the exchange, which
// guards it; ends with the request.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "http/form.hpp"
#include "roost/abi.h"

namespace roost::http {

class RequestForm {
 public:
  RequestForm();
  // Removes the named files.
  ~RequestForm();
  RequestForm(const RequestForm&) = delete;
  RequestForm& operator=(const RequestForm&) = delete;

  // Reads the request's body, unless it was read while it arrived: then takes `ready`. Once. The request's views must
  // stay as they are as long as this.
  void read(const roost_request& request, const config::FormLimits& limits, Form* ready = nullptr);
  // In place of read(): 500. why: static.
  void refuse(std::string_view why);

  const roost_form& view() const { return view_; }
  // The file under a name of its own. ROOST_INVALID when it is none of this form's.
  roost_status path(const roost_form_file& file, roost_str& path, roost_error* error);

 private:
  void show(const roost_request& request);

  Form form_;
  roost_form view_{};
  std::vector<roost_field> fields_;
  std::vector<roost_form_file> files_;
  std::vector<const roost_form_file*> file_list_;
  std::vector<std::string> paths_;  // of files_; empty: not asked for
};

}  // namespace roost::http
