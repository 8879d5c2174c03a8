# frozen_string_literal: true
# File doc
module M
  # Doc C
  class C < D
    X = 1
    attr_reader :a
    # doc m
    def m(x)
    end
    def self.s; end
    def initialize; end
  end
end
