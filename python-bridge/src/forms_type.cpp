#include "forms_type.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "host.hpp"
#include "http/request_form.hpp"

namespace roost::bridge {

namespace {

PyObject* raise(uint32_t status, roost_str reason) {
  const std::string why(view(reason));
  if (status >= 500) {
    PyErr_SetString(PyExc_RuntimeError, why.c_str());
    return nullptr;
  }
  const Ref module = Ref::steal(PyImport_ImportModule("roost.exceptions"));
  const Ref type = module ? Ref::steal(PyObject_GetAttrString(module.get(), "HTTPException")) : Ref();
  const Ref error =
      type ? Ref::steal(PyObject_CallFunction(type.get(), "is", static_cast<int>(status), why.c_str())) : Ref();
  if (error) PyErr_SetObject(type.get(), error.get());
  return nullptr;
}

PyObject* list_fields(const roost_form& form) {
  Ref list = Ref::steal(PyList_New(static_cast<Py_ssize_t>(form.field_count)));
  for (size_t i = 0; list && i < form.field_count; ++i) {
    const Ref name = Ref::steal(to_unicode(view(form.fields[i].name)));
    const Ref value = Ref::steal(to_unicode(view(form.fields[i].value)));
    PyObject* const pair = name && value ? PyTuple_Pack(2, name.get(), value.get()) : nullptr;
    if (pair == nullptr) return nullptr;
    PyList_SET_ITEM(list.get(), static_cast<Py_ssize_t>(i), pair);
  }
  return list.release();
}

// Content in memory is copied: an UploadFile may be kept, the request's memory not.
PyObject* list_files(const roost_form& form, int& file) {
  Ref list = Ref::steal(PyList_New(static_cast<Py_ssize_t>(form.file_count)));
  for (size_t i = 0; list && i < form.file_count; ++i) {
    const roost_form_file& one = *form.files[i];
    const Ref name = Ref::steal(to_unicode(view(one.name)));
    const Ref filename = Ref::steal(to_unicode(view(one.filename)));
    const Ref type = Ref::steal(to_unicode(view(one.content_type)));
    const Ref content =
        one.file >= 0
            ? Ref::borrow(Py_None)
            : Ref::steal(PyBytes_FromStringAndSize(one.content.data, static_cast<Py_ssize_t>(one.content.size)));
    if (one.file >= 0) file = one.file;
    PyObject* const item =
        name && filename && type && content
            ? Py_BuildValue("OOOOKK", name.get(), filename.get(), type.get(), content.get(),
                            static_cast<unsigned long long>(one.file_offset), static_cast<unsigned long long>(one.size))
            : nullptr;
    if (item == nullptr) return nullptr;
    PyList_SET_ITEM(list.get(), static_cast<Py_ssize_t>(i), item);
  }
  return list.release();
}

PyObject* make(const roost_form& form) {
  // 415: another kind of body, which has neither fields nor files.
  if (form.status != 0 && form.status != 415) return raise(form.status, form.why);
  int file = -1;
  const Ref fields = Ref::steal(list_fields(form));
  const Ref files = fields ? Ref::steal(list_files(form, file)) : Ref();
  const Ref module = files ? Ref::steal(PyImport_ImportModule("roost.forms")) : Ref();
  const Ref function = module ? Ref::steal(PyObject_GetAttrString(module.get(), "_make")) : Ref();
  if (!function) return nullptr;
  // Of its own, so that it outlives the request.
  const int kept = file < 0 ? -1 : fcntl(file, F_DUPFD_CLOEXEC, 0);
  if (file >= 0 && kept < 0) return PyErr_SetFromErrno(PyExc_OSError);
  PyObject* made = PyObject_CallFunction(function.get(), "OOi", fields.get(), files.get(), kept);
  return made;
}

// A form whose parser tells of it part by part.
struct Parts {
  struct Part {
    bool is_file;
    std::string name, filename, content_type, data;
  };
  std::vector<Part> parts;

  static Parts& of(void* self) { return *static_cast<Parts*>(self); }
  static void begin(void* self, const roost_form_part* part) {
    of(self).parts.push_back({part->is_file != 0, std::string(view(part->name)), std::string(view(part->filename)),
                              std::string(view(part->content_type)), std::string()});
  }
  static void data(void* self, roost_str bytes) { of(self).parts.back().data += view(bytes); }
  static void end(void*) {}

  // What RequestForm gives: views of the parts.
  PyObject* made() const {
    std::vector<roost_field> fields;
    std::vector<roost_form_file> files;
    for (const Part& part : parts) {
      if (!part.is_file) {
        fields.push_back({str(part.name), str(part.data)});
        continue;
      }
      roost_form_file file{};
      file.struct_size = sizeof file;
      file.name = str(part.name);
      file.filename = str(part.filename);
      file.content_type = str(part.content_type);
      file.content = str(part.data);
      file.size = part.data.size();
      file.file = -1;
      files.push_back(file);
    }
    std::vector<const roost_form_file*> listed;
    for (const roost_form_file& file : files) listed.push_back(&file);
    roost_form form{};
    form.struct_size = sizeof form;
    form.fields = fields.data();
    form.field_count = fields.size();
    form.files = listed.data();
    form.file_count = listed.size();
    return make(form);
  }
};

}  // namespace

PyObject* read_forms(const roost_request& raw, std::string_view body) {
  if (!ROOST_HAS(host, form_parser_free)) {
    PyErr_SetString(PyExc_RuntimeError, "this server reads no streamed forms");
    return nullptr;
  }
  static const roost_form_callbacks callbacks{sizeof(roost_form_callbacks), Parts::begin, Parts::data, Parts::end};
  Parts parts;
  roost_form_parser* const parser = host->form_parser_new(&raw, &callbacks, &parts);
  roost_str why{};
  uint32_t status = 0;
  {
    const WithoutGil released;
    status = host->form_parser_feed(parser, str(body), &why);
    if (status == 0) status = host->form_parser_finish(parser, &why);
    host->form_parser_free(parser);
  }
  if (status == 415) parts.parts.clear();
  return status == 0 || status == 415 ? parts.made() : raise(status, why);
}

PyObject* read_forms(const roost_request* raw) {
  if (!ROOST_HAS(host, form)) {
    PyErr_SetString(PyExc_RuntimeError, "this server reads no forms");
    return nullptr;
  }
  const roost_form* form = nullptr;
  {
    const WithoutGil released;
    form = host->form(raw);
  }
  return make(*form);
}

PyObject* read_forms(std::string_view content_type, std::string_view body) {
  const roost_field field{str("Content-Type"), str(content_type)};
  roost_request request{};
  request.struct_size = sizeof request;
  request.headers = &field;
  request.header_count = content_type.empty() ? 0 : 1;
  request.body = str(body);
  request.body_file = -1;
  request.body_size = body.size();
  http::RequestForm form;
  form.read(request, {});
  return make(form.view());
}

}  // namespace roost::bridge
